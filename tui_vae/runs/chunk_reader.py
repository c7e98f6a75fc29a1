"""The whole lines of a file that another process appends to, in pieces of bounded size.

Knows nothing of what the lines say. A last line without its end is left until it has one; a line beyond a bound is
passed over and never held.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from tui_vae.errors import RunStoreError
from tui_vae.runs.safe_io import open_regular

PIECE = 256 * 1024
"""Bytes read at once: what becomes of a thousand lines still fits into caches, where much more would not."""

MOST_LINE = 4 * 1024 * 1024
"""Bytes of the longest line that is taken."""

_MOST_HEAD = 128


@dataclass(frozen=True)
class Piece:
    """Whole lines that follow each other, each with its end.

    ``share`` is their part of all that there was to be read. ``overlong`` counts lines that were passed over.
    ``restarted`` marks an empty piece: the file is another than the one that was read before, and what follows is from
    its start.
    """

    block: bytes
    share: float = 0.0
    overlong: int = 0
    restarted: bool = False


class GrowingFile:
    """Reads on where it stopped, and from the start of a file that was replaced or cut back.

    The file is opened for every reading, so that nothing is held between them.

    Args:
        path: The file.
        most_line: Bytes of the longest line that is taken.
        begin: Where to begin, between two lines.
    """

    def __init__(self, path: Path, most_line: int = MOST_LINE, begin: int = 0) -> None:
        self.path = path
        self._most_line = most_line
        self._block = min(PIECE, most_line)  # so that only a line that crosses blocks can be too long
        self._identity: tuple[int, int] | None = None
        self._head = b""
        self._position = begin
        self._skipping = False

    @property
    def begun(self) -> bool:
        """Whether any of it has been read."""
        return self._position > 0

    def skip_to(self, position: int) -> None:
        """Take what lies before ``position``, which is between two lines, for read."""
        self._position = position

    def pieces(self, until: int | None = None) -> Iterator[Piece]:
        """All that was appended since the last time; whoever stops on the way finds the rest at the next.

        Args:
            until: Stop there, between two lines. Shares are of what there is up to there.

        Raises:
            RunStoreError: The file cannot be opened or read.
        """
        try:
            with FileIO(open_regular(self.path)) as file:
                if self._is_another(file):
                    self._head, self._position, self._skipping = b"", 0, False
                    yield Piece(b"", restarted=True)
                file.seek(self._position)
                size = os.fstat(file.fileno()).st_size
                yield from self._read_on(file, size if until is None else min(size, until))
        except OSError as error:
            raise RunStoreError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _is_another(self, file: FileIO) -> bool:
        """Whether this is not what was read before: another file, or the same written anew."""
        known, status = self._identity, os.fstat(file.fileno())
        self._identity = (status.st_dev, status.st_ino)
        if known is None:
            return False
        head = os.pread(file.fileno(), len(self._head), 0)
        return known != self._identity or status.st_size < self._position or head != self._head

    def _read_on(self, file: FileIO, end: int) -> Iterator[Piece]:
        begun = b""  # of a line whose end has not been read
        reached = self._position
        total = end - reached
        # Into the same memory again and again: to have it from the system anew takes as long as to read.
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
            yield Piece(block, size / total, int(too_long))


def pieces_of(content: bytes) -> Iterator[Piece]:
    """Whole lines that were read already, in pieces."""
    begin = 0
    while begin < len(content):
        end = content.find(b"\n", begin + PIECE) + 1 or len(content)
        yield Piece(content[begin:end], (end - begin) / len(content))
        begin = end
