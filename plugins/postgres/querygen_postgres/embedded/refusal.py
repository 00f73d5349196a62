"""Why there is no server, said by the keeper to who started it."""

from __future__ import annotations

import json
from typing import Literal

Kind = Literal["permanent", "retry"]


class Refusal(Exception):
    """Becomes a `SinkError` on the other side; the keeper does without querygen's core, to be there at once."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "message": str(self)})

    @staticmethod
    def from_json(text: str) -> Refusal:
        said = json.loads(text)
        return Refusal(said["kind"], said["message"])


def kind_of(why: str) -> Kind:
    """A full disk may heal; what else a server dies of will not."""
    return "retry" if "No space left" in why else "permanent"
