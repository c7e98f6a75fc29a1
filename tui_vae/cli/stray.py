"""What libraries print below Python while the interface owns the screen: caught, so that it spoils no picture."""

from __future__ import annotations

import os
import sys
import tempfile
from types import TracebackType


class StrayOutput:
    """While entered, file descriptors 1 and 2 lead into a file, and the interface keeps a way to the terminal.

    Textual draws on ``sys.__stderr__``, and asks ``sys.__stdout__`` for the terminal's size: both are given descriptors
    of their own that still lead there.
    """

    def __enter__(self) -> StrayOutput:
        sys.stdout.flush()
        sys.stderr.flush()
        self._file = tempfile.TemporaryFile()
        self._read = 0
        self._saved = os.dup(1), os.dup(2)
        self._streams = sys.__stdout__, sys.__stderr__
        sys.__stdout__ = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")  # type: ignore[misc]
        sys.__stderr__ = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")  # type: ignore[misc]
        for descriptor in (1, 2):
            os.dup2(self._file.fileno(), descriptor)
        return self

    def take(self) -> str:
        """What was printed since the last call."""
        content = os.pread(self._file.fileno(), 1_000_000, self._read)
        self._read += len(content)
        return content.decode(errors="replace").strip()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for saved, descriptor in zip(self._saved, (1, 2), strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.close()
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc]
        self._file.close()
