"""Child processes that this one ends itself: no signal of the terminal reaches them, and none outlives it."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

_WITHHELD = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

_PR_SET_PDEATHSIG = 1


def python_module(name: str) -> tuple[str, ...]:
    """The command that runs a module of this program in a child process."""
    return sys.executable, "-P", "-m", name  # -P: a file json.py in the user's folder is not imported


@contextlib.contextmanager
def withheld_from_children() -> Iterator[None]:
    """Block stop signals in this thread, and so, permanently, in the processes that it starts meanwhile.

    A batch system signals every process of a job, and a shell its whole process group.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WITHHELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """Have the system kill this process when the thread that started it ends, even while this process is stopped.

    Only Linux can, and only if the parent has not ended before this call. Otherwise a thread has to wait for the end of
    a pipe or socket to the parent.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only in child processes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
