"""The errors a user can act on, each with the exit code of the process.

Every error is raised where its cause is known and carries one line that says what to do. The command line prints that
line on stderr and exits with ``exit_code``.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class ExitCode:
    """Exit codes of every command."""

    OK: ClassVar[int] = 0
    MODEL_FAILED: ClassVar[int] = 1
    USAGE: ClassVar[int] = 2
    DATA: ClassVar[int] = 3
    RUN_STORE: ClassVar[int] = 4
    STOPPED: ClassVar[int] = 130


class TuiVaeError(Exception):
    """Base of the errors that are shown to the user in one line."""

    exit_code: ClassVar[int] = ExitCode.MODEL_FAILED


class UsageError(TuiVaeError):
    """An option, a name or a combination of them cannot be used."""

    exit_code = ExitCode.USAGE


class NothingLeftError(TuiVaeError):
    """What was asked for is done already, which is no failure."""

    exit_code = ExitCode.OK


class DataError(TuiVaeError):
    """The data set is not available, or its files are damaged."""

    exit_code = ExitCode.DATA


class RunStoreError(TuiVaeError):
    """The run store cannot be read or written."""

    exit_code = ExitCode.RUN_STORE


class EventError(RunStoreError):
    """A record, such as a line of a run log, is not one of this schema."""


class UnknownEventError(EventError):
    """An event is of a kind that this version does not know."""


class TrainingError(TuiVaeError):
    """A model cannot continue training."""

    exit_code = ExitCode.MODEL_FAILED


class EvaluationError(TuiVaeError):
    """A model cannot be evaluated."""

    exit_code = ExitCode.MODEL_FAILED


_NO_MEMORY = ("allocate memory", "failed to map segment", "bad_alloc", "out of memory")
"""Parts of the messages of torch, the dynamic linker, C++ and CUDA."""

_LIMITS = {
    errno.EMFILE: "; the limit of open files is too low (ulimit -n)",
    errno.ENFILE: "; the system has too many open files",
    errno.EFBIG: "; the file is beyond the size that is allowed (ulimit -f) or possible there",
    errno.ENOMEM: "; more memory is needed, or a higher limit (ulimit -v, or that of the container)",
}


def system_failure(error: BaseException) -> str | None:
    """Describe in one line what the system refused: memory, a thread, a file or a library.

    Returns:
        The line, or ``None`` for an error of the program itself.
    """
    if isinstance(error, ImportError):
        while isinstance(error.__cause__, ImportError):  # NumPy wraps it in a page of advice
            error = error.__cause__
    text = one_line(error)
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY):
        return f"not enough memory ({text}){_LIMITS[errno.ENOMEM]}"
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return "no more threads can be started; memory is short, or the limit of processes is too low (ulimit -u)"
    if isinstance(error, ImportError) and not (error.name or "").startswith("tui_vae"):
        return f"a library cannot be loaded ({text}); install tui-vae again"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or text}{_LIMITS.get(error.errno or 0, '')}"
    return None


def one_line(error: BaseException) -> str:
    """The text of an error as one line, or the name of its class where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
