from __future__ import annotations

import argparse

from tests.servers import gemini_command


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description="Stand-ins for providers.")
    gemini_command.add_to(parser.add_subparsers(title="servers", required=True))
    given = parser.parse_args()
    given.run(given, parser)


if __name__ == "__main__":
    main()
