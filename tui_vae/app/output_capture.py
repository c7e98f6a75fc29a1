"""Capture what libraries print past Python while the interface owns the screen.

It goes into a file without a name, which serves for what other processes say, too.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import IO

SECONDS_TO_STALL = 1.0
"""A terminal that takes so long for one write does not read."""

_MOST_TAKEN = 1_000_000


def nameless_file() -> IO[bytes]:
    """A file that leaves nothing behind; in memory where the system has such, for no folder may be writable.

    Raises:
        OSError: There is neither.
    """
    with contextlib.suppress(AttributeError, OSError):
        return os.fdopen(os.memfd_create("tui-vae"), "w+b")
    return tempfile.TemporaryFile()


class TerminalStream(io.TextIOWrapper):
    """A way to the terminal on which writing never fails, and which can tell when it is held up.

    Textual's writer is a thread that an error would end, and its event loop waits for that thread for ever.
    """

    _writing_since: float | None = None

    def write(self, text: str) -> int:
        with self._writing():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._writing():
            super().flush()

    def stalled(self) -> bool:
        """Whether the terminal does not read; from any thread."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > SECONDS_TO_STALL

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self._writing_since = time.monotonic()
        with contextlib.suppress(OSError):
            yield
        self._writing_since = None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


def _way_to_terminal(descriptor: int) -> TerminalStream:
    return TerminalStream(os.fdopen(descriptor, "wb"), encoding="utf-8", errors="replace")


class OutputCapture:
    """While entered, file descriptors 1 and 2 lead into a file, and the interface keeps a way to the terminal.

    Textual draws on ``sys.__stderr__``, and asks ``sys.__stdout__`` for the terminal's size: both are given descriptors
    of their own that lead to where descriptor 1 did. Descriptor 2 need not have been the terminal.
    """

    def __enter__(self) -> OutputCapture:
        sys.stdout.flush()
        sys.stderr.flush()
        self._file = nameless_file()
        self._read = 0
        self._saved = os.dup(1), os.dup(2)
        self._streams = {name: getattr(sys, name) for name in ("__stdout__", "__stderr__")}
        for name in self._streams:
            setattr(sys, name, _way_to_terminal(os.dup(1)))
        for descriptor in (1, 2):
            os.dup2(self._file.fileno(), descriptor)
        return self

    def stalled(self) -> bool:
        """Whether the terminal does not read what the interface draws: drawing more is useless."""
        return isinstance(sys.__stderr__, TerminalStream) and sys.__stderr__.stalled()

    def take(self, *, at_end: bool = False) -> str:
        """Return what was printed since the last call; a line that has not ended yet only ``at_end``."""
        content = os.pread(self._file.fileno(), _MOST_TAKEN, self._read)
        end = len(content) if at_end or len(content) == _MOST_TAKEN else content.rfind(b"\n") + 1
        self._read += end
        return content[:end].decode(errors="replace").strip()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for saved, descriptor in zip(self._saved, (1, 2), strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.close()
        for name, stream in self._streams.items():
            setattr(sys, name, stream)
        self._file.close()
