"""Why the server did not start, sent by the supervisor to the process that started it."""

from __future__ import annotations

import json
from typing import Literal

Kind = Literal["permanent", "retry"]

NO_SPACE = "No space left"
REBUILD = "remove the folder; its contents are rebuilt from the job's journal, without a call to a model"


class StartError(Exception):
    """Becomes a `SinkError` in the starting process. The supervisor itself does not import querygen, to start fast."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "message": str(self)})

    @staticmethod
    def from_json(text: str) -> StartError:
        fields = json.loads(text)
        return StartError(fields["kind"], fields["message"])


def kind_of(cause: str) -> Kind:
    """`retry` for a full disk, which may have space later; any other cause in the server's log is permanent."""
    return "retry" if NO_SPACE in cause else "permanent"
