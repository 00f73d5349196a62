"""Rehearse configs/prod.yaml without an account: `uv run python -m tests.rehearsal`.

Starts stand-ins for all that it needs, prints what to export, and stays until Ctrl-C, which removes everything.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

UNSET = (
    "PRODUCTS_JSON",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "PGHOSTADDR",
    "PGSERVICE",
)
"""What may be set for a real account or database, and would have precedence over what is exported."""

NEXT = """\
# Then, until you press Ctrl-C here:
#   uv run querygen check configs/prod.yaml --connect
#   uv run querygen run configs/prod.yaml
#   uv run querygen db query configs/prod.yaml 'SELECT query_type, count(*) FROM queries GROUP BY query_type'
#   aws s3 ls --recursive s3://$QUERYGEN_BUCKET
"""


def main() -> None:
    arguments = build_parser().parse_args()
    if not arguments.catalogue.is_file():
        sys.exit(f"{arguments.catalogue} is not a file")
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        rehearse(arguments.catalogue, arguments.latency, as_json=arguments.json)
    except KeyboardInterrupt:
        print("Everything is stopped and removed.", file=sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal", description=__doc__)
    usual = ROOT / "configs" / "sample_catalogue.jsonl"
    parser.add_argument("--catalogue", type=Path, default=usual, help="a file for the bucket; default: the sample")
    parser.add_argument("--latency", default="500ms", help="of the model's answers: 200ms, lognormal:2000:0.4")
    parser.add_argument("--json", action="store_true", help="print one object, `export` and `unset`")
    return parser


def rehearse(catalogue: Path, latency: str, *, as_json: bool) -> None:
    """Until a signal comes, which is raised as KeyboardInterrupt."""
    # As pytest's `pythonpath` does: what the plugins' tests share is imported by its name.
    sys.path[:0] = [str(folder) for folder in sorted(ROOT.glob("plugins/*/tests"))]
    from tests.rehearsal.services import running

    with TemporaryDirectory(prefix="querygen-rehearsal-") as folder, running(Path(folder), catalogue, latency) as found:
        told = {"export": found.environ, "unset": UNSET}
        print(json.dumps(told) if as_json else "\n".join(shell_lines(found.environ)), flush=True)
        while True:
            signal.pause()


def shell_lines(environ: Mapping[str, str]) -> Iterator[str]:
    """What to type, or to read with `.`, in the terminal of the job."""
    yield "# In another terminal, in this folder:"
    yield f"unset {' '.join(UNSET)}"
    yield from (f"export {name}={shlex.quote(value)}" for name, value in environ.items())
    yield NEXT.rstrip()


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Further signals are ignored, so that everything is removed."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
