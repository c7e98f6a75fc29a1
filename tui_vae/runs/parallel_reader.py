"""The later part of a long log, thinned by a second process while this one reads the earlier.

What that process hands over is a log again: the same events with their progress merged, and an empty line for each that
was none. So it is read like any other, and believed as little.
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tui_vae.events import encode
from tui_vae.resource_limits import cores
from tui_vae.runs.chunk_reader import MOST_LINE, GrowingFile
from tui_vae.runs.downsampling import Thinner
from tui_vae.runs.log_decoder import decode_block
from tui_vae.runs.safe_io import open_regular

LEAST_BYTES = 64 * 1024 * 1024
"""A shorter log has been read before another process has started."""

MOST_BYTES = 64 * 1024 * 1024
"""A log that thins out to no less is not worth a second process: nearly all would be read twice."""

_NEAR = 1024 * 1024
_PATIENCE = 60.0
"""Seconds for which a process that has read as much itself waits for the other."""


@dataclass(frozen=True)
class LaterPart:
    """The bytes from ``begin`` to ``end`` of a log, whole lines, on which a process is at work."""

    begin: int
    end: int
    _process: subprocess.Popen[bytes]
    _output: IO[bytes]

    def thinned(self) -> bytes | None:
        """What has become of it, as a log; waits for that. ``None`` if the process failed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process.wait(_PATIENCE) == 0:
                self._output.seek(0)
                return self._output.read()
        return None


@contextlib.contextmanager
def later_part(log: Path, most: float) -> Iterator[LaterPart | None]:
    """Let another process thin the later part of a log, if that is long and there is a processor for it.

    The process has ended when the context is left.

    Args:
        log: The log.
        most: Progress events of each model that there are to be of the whole log.
    """
    with contextlib.ExitStack() as stack:
        yield _started(log, most, stack)


def _started(log: Path, most: float, stack: contextlib.ExitStack) -> LaterPart | None:
    part = _part_of(log)
    if part is None:
        return None
    begin, end = part
    most_of_part = most * (end - begin) / end
    # Isolated from the folder at hand, where a stranger's files may lie.
    command = [sys.executable, "-P", "-m", __name__, str(log.absolute()), str(begin), str(end), str(most_of_part)]
    try:
        output = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        # In a session of its own: the terminal's keys and its loss are not for it.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:
        return None
    stack.enter_context(process)
    stack.callback(process.kill)
    return LaterPart(begin, end, process, output)


def _part_of(log: Path) -> tuple[int, int] | None:
    """Where its later part begins and ends, both between two lines; ``None`` if it is not to be split."""
    if cores() < 2:
        return None
    try:
        with os.fdopen(open_regular(log), "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size < LEAST_BYTES:
                return None
            near_begin, near_end = size // 2, max(0, size - _NEAR)
            begin = os.pread(file.fileno(), _NEAR, near_begin).find(b"\n") + 1
            last = os.pread(file.fileno(), _NEAR, near_end).rfind(b"\n") + 1
    except OSError:
        return None
    return (near_begin + begin, near_end + last) if begin and last else None


def thin_part(log: Path, begin: int, end: int, most: float, output: IO[bytes]) -> bool:
    """Write the thinned log of the whole lines from ``begin`` to ``end``; returns whether it stayed within its bound.

    Raises:
        RunStoreError: The log cannot be opened or read.
        OSError: It cannot be written.
    """
    thinner, written = Thinner(whole=False), 0
    for piece in GrowingFile(log, MOST_LINE, begin).pieces(end):
        rows, unreadable = decode_block(piece.block)
        lines = [encode(row).encode() + b"\n" for row in thinner.thin(rows, math.ceil(most * piece.share))]
        written += output.write(b"".join(lines) + b"\n" * (unreadable + piece.overlong))
        if written > MOST_BYTES:
            return False
    output.flush()
    return True


def _main() -> int:
    log, begin, end, most = sys.argv[1:]
    return 0 if thin_part(Path(log), int(begin), int(end), float(most), sys.stdout.buffer) else 1


if __name__ == "__main__":
    sys.exit(_main())
