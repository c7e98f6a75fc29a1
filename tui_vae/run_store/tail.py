"""Follow a run log that another process appends to.

A log of millions of lines is read in seconds and bounded memory, and nothing that it may hold makes the reader fail.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from tui_vae.errors import RunStoreError
from tui_vae.events import Event, Notice
from tui_vae.run_store.downsampling import ProgressMerger
from tui_vae.run_store.files import open_regular
from tui_vae.run_store.log_decoder import decode_block

MOST_PROGRESS = 8192
"""Progress events of a model that one read returns unmerged; a terminal has some hundred columns."""

BLOCK = 256 * 1024
"""Bytes read at once: a thousand decoded lines still fit into the processor's caches."""

MOST_LINE = 4 * 1024 * 1024
"""Bytes of the longest line that is read."""

_MOST_HEAD = 128


@dataclass(frozen=True)
class LineBlock:
    """Whole lines that follow each other, each with its end.

    Attributes:
        block: The lines.
        share: Their part of all that was to be read, from 0 to 1.
        overlong: The number of lines that were skipped as too long.
        restarted: Marks an empty block: the file is not the one that was read before, and is read from its start.
    """

    block: bytes
    share: float = 0.0
    overlong: int = 0
    restarted: bool = False


class GrowingFile:
    """The whole lines of a file that another process appends to, in blocks of bounded size.

    A read goes on where the last one ended, or from the start of a file that was replaced or cut back. A last line
    without its end is left until it has one; a line beyond a bound is skipped and never held. The file is opened for
    every read, so that no descriptor is held between reads.

    Args:
        path: The file.
        most_line: Bytes of the longest line that is read.
    """

    def __init__(self, path: Path, most_line: int = MOST_LINE) -> None:
        self.path = path
        self._most_line = most_line
        self._block = min(BLOCK, most_line)  # so that only a line that crosses blocks can be too long
        self._identity: tuple[int, int] | None = None
        self._head = b""
        self._position = 0
        self._skipping = False

    def blocks(self) -> Iterator[LineBlock]:
        """Yield what was appended since the last read; after a break, the next read goes on with the rest.

        Raises:
            RunStoreError: The file cannot be opened or read.
        """
        try:
            with FileIO(open_regular(self.path)) as file:
                if self._is_another(file):
                    self._head, self._position, self._skipping = b"", 0, False
                    yield LineBlock(b"", restarted=True)
                file.seek(self._position)
                yield from self._read_on(file, os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise RunStoreError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _is_another(self, file: FileIO) -> bool:
        """Whether this is another file than the one read before, or the same written anew."""
        known, status = self._identity, os.fstat(file.fileno())
        self._identity = (status.st_dev, status.st_ino)
        if known is None:
            return False
        head = os.pread(file.fileno(), len(self._head), 0)
        return known != self._identity or status.st_size < self._position or head != self._head

    def _read_on(self, file: FileIO, end: int) -> Iterator[LineBlock]:
        begun = b""  # of a line whose end has not been read
        reached = self._position
        total = end - reached
        # One buffer for all reads: to have its memory from the system anew takes as long as to read.
        read = memoryview(buffer := bytearray(max(0, min(self._block, total))))
        while reached < end and (count := file.readinto(read[: end - reached])):
            reached += count
            first_end, last_end = buffer.find(b"\n", 0, count), buffer.rfind(b"\n", 0, count) + 1
            too_long = self._skipping or len(begun) + (first_end if last_end else count) > self._most_line
            if not last_end:
                begun += read[:count]
                if too_long:
                    begun, self._position, self._skipping = b"", reached, True
                continue
            block = bytes(read[first_end + 1 : last_end]) if too_long else b"".join((begun, read[:last_end]))
            begun = bytes(read[last_end:count])
            size = reached - len(begun) - self._position
            self._position, self._skipping = reached - len(begun), False
            if len(self._head) < _MOST_HEAD:
                self._head = os.pread(file.fileno(), min(_MOST_HEAD, self._position), 0)
            yield LineBlock(block, size / total, int(too_long))


class LogTail:
    """The events that were appended to a log since the last read.

    A line that is no event is skipped. Their number is reported as a warning each time that it has doubled. Texts keep
    their escape codes, and are cut after a bound.

    Args:
        path: The log.
        merge: Merge successive progress where there is far more than can be seen.
        most_line: Bytes of the longest line that is read.

    Attributes:
        restarted: Whether the log was replaced or cut back, so that the events just returned begin with its first.
            They add up from an empty state; what was made of earlier ones is void.
        unreadable: The number of lines that were skipped.
    """

    def __init__(self, path: Path, *, merge: bool = True, most_line: int = MOST_LINE) -> None:
        self._file = GrowingFile(path, most_line)
        self._merge = merge
        self._begin()
        self.restarted = False

    def move_to(self, path: Path) -> None:
        """Go on with the same log, whose folder was moved."""
        self._file.path = path

    def read(self) -> list[Event]:
        """Return all events of new whole lines, in order.

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
        """Yield the same in lists of bounded size; before the events of a new log, an empty list with ``restarted``.

        Raises:
            RunStoreError: The log cannot be opened or read.
        """
        self.restarted = False
        for block in self._file.blocks():
            self.restarted = block.restarted
            if block.restarted:
                self._begin()
                yield []
            else:
                yield self._events_of(block)

    def _begin(self) -> None:
        self._merger = ProgressMerger()
        self._newest = 0.0
        self.unreadable = self._reported_unreadable = 0

    def _events_of(self, block: LineBlock) -> list[Event]:
        events, unreadable = decode_block(block.block)
        self.unreadable += unreadable + block.overlong
        if self._merge:
            events = self._merger.merge(events, math.ceil(MOST_PROGRESS * block.share))
        if events:
            self._newest = events[-1].t
        if self.unreadable and self.unreadable >= 2 * self._reported_unreadable:
            self._reported_unreadable = self.unreadable
            events.append(self._warning())
        return events

    def _warning(self) -> Notice:
        """Dated as the event before it: with the present time, a run of long ago would seem to last until now."""
        lines = f"{self.unreadable:,} lines" if self.unreadable > 1 else "1 line"
        text = f"{lines} of the log could not be read"
        return Notice(t=self._newest or time.time(), level="warning", text=text)
