"""The errors a user can act on, each with the exit code of the process.

Every error is raised where its cause is known and carries one line that says what to do. Nothing here knows how it is
shown: the command line prints the line on stderr and leaves with ``exit_code``.
"""

from __future__ import annotations

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
    """Base of the errors that are told to the user in one line."""

    exit_code: ClassVar[int] = ExitCode.MODEL_FAILED


class UsageError(TuiVaeError):
    """An option, a name or a combination of them cannot be used."""

    exit_code = ExitCode.USAGE


class NothingLeftError(TuiVaeError):
    """What was asked for is done already: told in one line, and no failure."""

    exit_code = ExitCode.OK


class DataError(TuiVaeError):
    """The data set is not available, or its files are damaged."""

    exit_code = ExitCode.DATA


class RunStoreError(TuiVaeError):
    """The run store cannot be read or written."""

    exit_code = ExitCode.RUN_STORE


class EventError(RunStoreError):
    """A line of a run log is not an event of this schema."""


class TrainingError(TuiVaeError):
    """A model cannot go on training."""

    exit_code = ExitCode.MODEL_FAILED


class EvaluationError(TuiVaeError):
    """A model cannot be measured."""

    exit_code = ExitCode.MODEL_FAILED
