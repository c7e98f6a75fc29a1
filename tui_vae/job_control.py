"""Job control of the shell: whether this process is in the foreground, and how Ctrl-Z stops it.

See "Job Control" in the manual of the GNU C library for the rules that shells and programs follow.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import IO, Any

_SECONDS_TO_STOP = 0.1
"""A stop signal may take effect in another thread, a moment after it was sent."""


def in_background(terminal: IO[str]) -> bool:
    """Whether another job of the shell has the terminal of a stream, as after ``bg``.

    False for a terminal without job control, and for any other file.
    """
    try:
        return os.tcgetpgrp(terminal.fileno()) != os.getpgrp()
    except (OSError, ValueError):
        return False


def may_be_stopped() -> bool:
    """Whether Ctrl-Z stops this process: not if it was started with that signal ignored."""
    return signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN


def stop_process() -> bool:
    """Stop this process as Ctrl-Z does by default until its shell continues it; call it from the main thread only.

    Returns:
        Whether it was stopped. The system stops nothing where no shell could continue it.
    """
    continued: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
    signal.signal(signal.SIGCONT, lambda number, frame: continued.append(number))
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.kill(os.getpid(), signal.SIGTSTP)
        time.sleep(_SECONDS_TO_STOP)
    finally:
        for number, handler in usual.items():
            if signal.getsignal(number) is not signal.SIG_IGN:  # set meanwhile, when the terminal was lost
                signal.signal(number, handler)
    return bool(continued)


class Suspension:
    """Restores the terminal when Ctrl-Z is pressed, before the process stops.

    Active between :meth:`begin` and :meth:`end`, which do nothing outside the main thread. As a context manager it
    defers the signal, so that a drawing is completed.

    Args:
        restore: Restores the terminal.
    """

    def __init__(self, restore: Callable[[], object]) -> None:
        self._restore = restore
        self._usual: Any = None
        self._busy = self._asked = False

    def begin(self) -> None:
        """Handle Ctrl-Z from now on."""
        if self._usual is None and threading.current_thread() is threading.main_thread() and may_be_stopped():
            self._usual = signal.signal(signal.SIGTSTP, self._receive)

    def end(self) -> None:
        """Handle Ctrl-Z no more."""
        if self._usual is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTSTP, self._usual)
            self._usual = None

    def __enter__(self) -> Suspension:
        self._busy = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._busy = False
        if self._asked:
            self._asked = False
            self._suspend()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._busy:
            self._asked = True
        else:
            self._suspend()

    def _suspend(self) -> None:
        self._restore()
        stop_process()
