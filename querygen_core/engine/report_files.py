"""The files that a run leaves in its state folder for people: report, config, dead letters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.journal import Journal
from querygen_core.engine.run_record import dead_letters
from querygen_core.engine.state_dir import make_folder, write_json, write_lines

log = logging.getLogger("querygen.run")

DEAD_LETTERS = "dead_letters.jsonl"


async def write_report_files(
    folder: Path, report: Mapping[str, Any], config: Mapping[str, Any], journal: Journal
) -> None:
    """Write `report.json`, `config.json` and `dead_letters.jsonl`.

    The journal holds all of it already, so a full disk is logged and changes no result.
    """
    try:
        make_folder(folder)
        write_json(folder / "report.json", report)
        write_json(folder / "config.json", config)
        await write_lines(folder / DEAD_LETTERS, dead_letters(journal))
    except (OSError, ConfigError) as exc:
        log.warning("report and dead letters could not be written to %s: %s", folder, exc)
