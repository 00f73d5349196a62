"""The last lines of a terminal, redrawn in place, while everything that is logged or printed scrolls by above them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from querygen_core.logs import lines_written_by, printable

_WIDEST = 78  # columns. A terminal of 80 or more can change its width, and breaks no line in two
_BAR = 20  # columns


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - as in rich
        """Leave the cursor visible: a process that is killed cannot bring it back."""
        return False


class Screen:
    """As a context manager it has the lines, and gives them back at the end as if they had never been there."""

    def __init__(self) -> None:
        # What is shown is data: no markup, no emoji, no highlighting.
        self._console = _Console(stderr=True, force_terminal=True, markup=False, emoji=False, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._live)
        self._open.enter_context(lines_written_by(self._write_above))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def show(self, share: float, seconds: float, lines: Sequence[str]) -> None:
        """Redraw. share: of the work, from 0 to 1. seconds: since the start. lines: the first stands beside the bar."""
        first, *rest = lines
        width = min(self._console.width - 1, _WIDEST)
        texts = [self._bar(share, seconds).append(printable(first)), *(Text(f" {printable(line)}") for line in rest)]
        for text in texts:
            text.truncate(width, overflow="ellipsis")
        self._live.update(Group(*texts), refresh=True)

    def _bar(self, share: float, seconds: float) -> Text:
        done = round(share * _BAR)
        full, empty = ("#", "-") if self._console.options.ascii_only else ("━", "─")
        minutes, second = divmod(int(seconds), 60)
        bar = Text(" ").append(full * done, "cyan").append(empty * (_BAR - done), "dim")
        return bar.append(f" {minutes // 60}:{minutes % 60:02}:{second:02} ")

    def _write_above(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)
