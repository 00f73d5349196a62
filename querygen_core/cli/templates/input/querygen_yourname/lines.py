from __future__ import annotations

import json
from collections.abc import Iterator

from querygen_core.api import (
    Context,
    InputError,
    MissingInput,
    Product,
    Reject,
    read_product,
)

from querygen_yourname import LinesOptions


class Lines:
    def __init__(self, options: LinesOptions, context: Context) -> None:
        self._options = options
        # From the current folder or, if it is not there, from beside the config.
        self._path = context.find(options.path)

    def read(self) -> Iterator[Product | Reject]:
        try:
            with self._path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield self._record(line, number)
        except FileNotFoundError:
            raise MissingInput(f"{self._path}: there is no such file") from None
        except OSError as exc:
            raise InputError(f"{self._path}: cannot be read: {exc.strerror}") from None

    def _record(self, line: bytes, number: int) -> Product | Reject:
        """A line that cannot be read becomes a rejection, and the job continues with the next."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            return self._reject(
                "bad_json", f"the line is not valid JSON: {exc}", line, number
            )
        if not isinstance(record, dict):
            return self._reject(
                "bad_json", "the line is not a JSON object", line, number
            )
        options = self._options
        return read_product(
            record,
            source=options.source,
            locale=options.locale,
            file=str(self._path),
            line=number,
        )

    def _reject(self, reason: str, message: str, line: bytes, number: int) -> Reject:
        raw = line[:2_000].decode(errors="replace")
        return Reject(
            reason=reason, message=message, file=str(self._path), line=number, raw=raw
        )
