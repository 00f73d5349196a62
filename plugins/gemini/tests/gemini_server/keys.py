"""Who may ask: API keys and what has become of them."""

from __future__ import annotations

from collections.abc import Mapping

from gemini_server import errors
from gemini_server.http_protocol import Incoming

STATES = ("valid", "revoked", "suspended", "leaked")


class Keys:
    """Without any key given, all are valid. `*` stands for those that are not named."""

    def __init__(self, valid: tuple[str, ...] = ()) -> None:
        self._states = dict.fromkeys(valid, "valid")
        self._others = "revoked" if valid else "valid"

    def update(self, states: Mapping[str, str]) -> None:
        """Name → one of `STATES`.

        Raises:
            ValueError: a state is none of them.
        """
        wrong = sorted({*states.values()} - {*STATES})
        if wrong:
            raise ValueError(f"no such state of a key: {', '.join(wrong)}")
        self._others = states.get("*", self._others)
        self._states.update(states)

    def told(self) -> dict[str, str]:
        return {**self._states, "*": self._others}

    def check(self, incoming: Incoming, *, vertex: bool) -> None:
        """Let it pass, or not.

        Raises:
            Refused: with what Google says to such a key.
        """
        if incoming.query and any(part.startswith("key=") for part in incoming.query.split("&")):
            raise errors.key_in_url()
        key = incoming.header(b"x-goog-api-key")
        if key:
            state = self._states.get(key, self._others)
            if state != "valid":
                raise errors.key_refused(key, state)
            return
        if not vertex:
            raise errors.no_key()
        kind, _, token = incoming.header(b"authorization").partition(" ")
        if kind.lower() != "bearer" or self._states.get(token.strip(), self._others) != "valid":
            raise errors.no_token()
