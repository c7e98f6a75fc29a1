"""Processes that this one starts and ends itself: nothing of the terminal reaches them, and none is left behind."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

_WITHHELD = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

_PR_SET_PDEATHSIG = 1


def python_module(name: str) -> tuple[str, ...]:
    """The command that runs a module of this program."""
    return sys.executable, "-P", "-m", name  # -P: a file json.py in the user's folder is no module of this program


@contextlib.contextmanager
def withheld_from_children() -> Iterator[None]:
    """Block signals that ask to stop in this thread, and so, for good, in the processes that it starts meanwhile.

    For processes that this one ends itself. A batch system signals every process of a job, and a shell its whole group.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WITHHELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """Have the system kill this process when the thread that started it ends, even while this process is stopped.

    Only Linux does so. A pipe or a socket to the parent, whose end a thread waits for, serves elsewhere, and where the
    parent has ended before this call.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only in a process that is started so

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
