"""Following a run log that another process appends to.

Opening a log of millions of lines takes two processes a few seconds and bounded memory, and nothing that it may hold
makes the reader fail.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

from tui_vae.events import Event, Notice
from tui_vae.runs.chunk_reader import MOST_LINE, GrowingFile, Piece, pieces_of
from tui_vae.runs.downsampling import Thinner
from tui_vae.runs.log_decoder import decode_block
from tui_vae.runs.parallel_reader import later_part

MOST_PROGRESS = 8192
"""Progress events of a model that one look at the log tells unmerged; a terminal has some hundred columns."""

_ALL = 1e9
"""More progress than any log has: of what was merged already."""


class LogTail:
    """Tells what was appended to a log since the last look.

    A line that is no event is passed over; how many there are is told as a warning each time that it has doubled.
    Texts are given as they were written, escape codes included, but for a bound on their length.

    Args:
        path: The log.
        merge: Merge progress that follows each other, where there is far more than can be seen.
        most_line: Bytes of the longest line that is taken.

    Attributes:
        restarted: Whether the log was replaced or cut back, so that the events just told begin with its first. They
            add up from an empty state; what was made of earlier ones is to be thrown away.
        unreadable: The number of lines that were passed over.
    """

    def __init__(self, path: Path, *, merge: bool = True, most_line: int = MOST_LINE) -> None:
        self._path = path
        self._file = GrowingFile(path, most_line)
        self._merge = merge
        self._shared = merge and most_line == MOST_LINE  # the other process knows no other bound
        self._later: Iterator[Piece] = iter(())
        self._begin()
        self.restarted = False

    def move_to(self, path: Path) -> None:
        """Go on with the same log, whose folder was moved."""
        self._path = self._file.path = path

    def read(self) -> list[Event]:
        """All events of whole lines that are new, in order.

        Raises:
            RunStoreError: The log cannot be opened or read.
        """
        events: list[Event] = []
        restarted = False
        for portion in self.portions():
            events += portion
            restarted = restarted or self.restarted
        self.restarted = restarted
        return events

    def portions(self) -> Iterator[list[Event]]:
        """The same in lists of bounded size; ``restarted`` is said with an empty one, before those of the new log.

        Raises:
            RunStoreError: The log cannot be opened or read.
        """
        self.restarted = False
        if self._shared and not self._file.begun:
            yield from self._earlier_part()
        yield from self._rest_of_later_part()
        for piece in self._file.pieces():
            self.restarted = piece.restarted
            if piece.restarted:
                self._begin()
                yield []
            else:
                yield self._events_of(piece, MOST_PROGRESS)

    def _earlier_part(self) -> Iterator[list[Event]]:
        """What a long log tells first, while another process makes the rest ready; nothing if the log is not long."""
        with later_part(self._path, MOST_PROGRESS) as later:
            if later is None:
                return
            for piece in self._file.pieces(later.begin):
                yield self._events_of(piece, MOST_PROGRESS * later.begin / later.end)
            thinned = later.thinned()
        if thinned is not None:
            self._file.skip_to(later.end)
            self._later = pieces_of(thinned)

    def _rest_of_later_part(self) -> Iterator[list[Event]]:
        """What of that has not been told yet, also by a look that was given up."""
        for piece in self._later:
            yield self._events_of(piece, _ALL)

    def _begin(self) -> None:
        self._thinner = Thinner()
        self._newest = 0.0
        self.unreadable = self._told_unreadable = 0

    def _events_of(self, piece: Piece, most: float) -> list[Event]:
        """The events of a piece of what has at most ``most`` of progress of each model."""
        events, unreadable = decode_block(piece.block)
        self.unreadable += unreadable + piece.overlong
        if self._merge:
            events = self._thinner.thin(events, math.ceil(most * piece.share))
        if events:
            self._newest = events[-1].t
        if self.unreadable and self.unreadable >= 2 * self._told_unreadable:
            self._told_unreadable = self.unreadable
            events.append(self._warning())
        return events

    def _warning(self) -> Notice:
        """Of the time of the events before it: with the present, a run of long ago would seem to last until now."""
        lines = f"{self.unreadable:,} lines" if self.unreadable > 1 else "1 line"
        text = f"{lines} of the log could not be read"
        return Notice(t=self._newest or time.time(), level="warning", text=text)
