"""Composes frames of what has changed on the screen, as large as the line to the terminal carries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain

from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

from tui_vae.tui.terminal.line_flow import QUESTION, LineFlow
from tui_vae.tui.terminal.screen_cells import ScreenCells

_SECONDS_URGENT = 0.5
"""Seconds after a key in which changes count as its answer and are sent first."""


class ScreenSender:
    """Takes what Textual draws and returns frames for the terminal. On a thin line, intermediate states are skipped.

    Args:
        console: Knows the colours of the terminal.
        answers: Whether the terminal is known to answer questions.
        remote: Whether more may be written than the terminal shows, see :class:`LineFlow`.
    """

    def __init__(self, console: Console, *, answers: bool, remote: bool) -> None:
        system = console.color_system
        self._cells = ScreenCells(COLOR_SYSTEMS[system] if system is not None else None)
        self._flow = LineFlow(answers, remote=remote)
        self._asked_at = -_SECONDS_URGENT
        self._urgent: set[int] = set()
        self._cursor: tuple[int, int] | None = None

    @property
    def behind(self) -> bool:
        """Whether something was drawn and not sent yet."""
        return not self._cells.complete

    def asked(self) -> None:
        """Note that a key or the mouse was pressed."""
        self._asked_at = time.monotonic()

    def forget(self) -> None:
        """Send everything again: something else may have written on the terminal."""
        self._cells.forget()
        self._cursor = None

    def lose_terminal(self) -> None:
        """Note that another program has the terminal now, and pending answers will not come."""
        self.forget()
        self._flow.reset()

    def take(self, update: CompositorUpdate, size: tuple[int, int]) -> None:
        """Take what was drawn on a screen of ``size`` (columns, rows)."""
        if self._cells.size != size:
            self._cells.resize(*size)
        urgent = time.monotonic() < self._asked_at + _SECONDS_URGENT
        for x, y, segments in _lines(update):
            self._cells.put(x, y, segments)
            if urgent:
                self._urgent.add(y)

    def frame(self, cursor: tuple[int, int], *, blocked: bool) -> str:
        """Return the next frame, which leaves the cursor at ``cursor``; empty while the line is busy.

        Args:
            cursor: Column and row of the cursor.
            blocked: Whether the kernel has not yet taken all that was written before.
        """
        room = self._flow.room(time.monotonic(), blocked=blocked)
        if not room:
            return ""
        text = self._cells.changes(frozenset(self._urgent), room)
        if text and not self.behind:
            self._urgent.clear()
        if not text and cursor == self._cursor:
            return ""
        self._cursor = cursor
        column, row = cursor
        return f"{text}\x1b[{row + 1};{column + 1}H" + (QUESTION if self._flow.asks else "")

    def sent(self, size: int) -> None:
        """Note that ``size`` bytes were written for the last frame."""
        self._flow.sent(size, time.monotonic())

    def answered(self) -> None:
        """Note that the terminal has shown a frame."""
        self._flow.answered(time.monotonic())


def _lines(update: CompositorUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    """Yield the lines of an update with the cells where they start."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield update.region.x, y, chain.from_iterable(line)
    elif isinstance(update, ChopsUpdate):
        for y, start, stop in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < stop and end > start:
                    yield x, y, strip if end <= stop else strip.crop(0, stop - x)
