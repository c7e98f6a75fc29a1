"""Train one trial, in a process that Ray starts or keeps from the trial before.

A trial is a run like any other. It begins, goes on from its checkpoint, or is finished, whichever its folder says, so
that Ray may repeat it as often as processes or nodes die.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_vae.config import TrainConfig
from tui_vae.config.study import CHANGEABLE
from tui_vae.errors import ExitCode, NothingLeftError, TuiVaeError, one_line, system_failure
from tui_vae.run_store import RunDirectory

if TYPE_CHECKING:
    from tui_vae.app.session import Session

_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class TrialJob:
    """A trial to train, as it is sent to another process.

    Attributes:
        id: Its name within the study.
        path: The folder of its run.
        config: A ``TrainConfig`` as JSON values.
    """

    id: str
    path: str
    config: dict[str, Any]


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended: the exit code that a run would have, and its message."""

    id: str
    code: int
    message: str | None = None


def train_trial(job: TrialJob, tick: Callable[[], None] = lambda: None) -> TrialOutcome:
    """Train a trial to its end; raises nothing.

    ``KeyboardInterrupt``, by which Ray cancels a task, stops it after a checkpoint.

    Args:
        job: The trial.
        tick: Called some times a second while it trains.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the program itself does, before torch is loaded
    try:
        return TrialOutcome(job.id, _train(job, tick))
    except NothingLeftError:
        return TrialOutcome(job.id, ExitCode.OK)
    except KeyboardInterrupt:
        return TrialOutcome(job.id, ExitCode.STOPPED)
    except TuiVaeError as error:
        return TrialOutcome(job.id, error.exit_code, str(error))
    # Any error ends this trial only: raised, it would not say which.
    except Exception as error:
        message = system_failure(error) or f"internal error: {type(error).__name__}: {one_line(error)}"
        code = ExitCode.RUN_STORE if isinstance(error, OSError) else ExitCode.MODEL_FAILED
        return TrialOutcome(job.id, code, message)


def _train(job: TrialJob, tick: Callable[[], None]) -> int:
    session = _start(RunDirectory(Path(job.path), job.id), TrainConfig.from_json(job.config))
    try:
        while not session.wait(_SECONDS_BETWEEN_LOOKS):
            session.poll()  # nobody shows the events: they are in the log
            tick()
    except KeyboardInterrupt:
        _stop(session)
    return session.close()


def _stop(session: Session) -> None:
    """Stop after a checkpoint, however often that is asked for meanwhile."""
    session.stop("by the study")
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            session.wait_detached()
            return


def _start(run: RunDirectory, config: TrainConfig) -> Session:
    """Begin the run, or go on with it.

    Raises:
        NothingLeftError: It is finished.
        TuiVaeError: It cannot be trained.
    """
    from tui_vae.app.own_networks import load_stored, load_typed  # noqa: PLC0415
    from tui_vae.app.run_setup import prepare  # noqa: PLC0415 - torch: two seconds
    from tui_vae.run_store.resume import acquire  # noqa: PLC0415

    if not run.log.exists():
        return prepare(config, _silent, load_typed(config, _silent)).start_in(run)
    stored = acquire(run)
    try:
        config = stored.config.continued({field: getattr(config, field) for field in CHANGEABLE})
        stored.check_unfinished(config)
        classes = load_stored(run, config, trust=False, typed=True)
        return prepare(config, _silent, classes).continuation(stored)()
    except BaseException:
        stored.lease.release()
        raise


def _silent(text: str) -> None:
    """Nobody looks."""
