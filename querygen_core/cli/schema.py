from __future__ import annotations

import argparse
import json
from pathlib import Path

from querygen_core.cli.main import print_result
from querygen_core.config import extras as extras_of
from querygen_core.config.json_schema import pipeline_schema
from querygen_core.contracts.errors import Exit
from querygen_core.registry import Registry


def schema(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its arguments
    print_result(json.dumps(pipeline_schema(Registry()), indent=1, ensure_ascii=False))
    return Exit.DONE


def extras(arguments: argparse.Namespace) -> int:
    for name in extras_of(Path(arguments.config)):
        print_result(name)
    return Exit.DONE
