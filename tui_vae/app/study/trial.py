"""Train one trial, in a process that Ray starts or keeps from the trial before.

A trial is a run like any other. It begins, goes on from its checkpoint, or is finished, whichever its folder says, so
that Ray may repeat it as often as processes or nodes die.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tui_vae.app.study.mirror import RunMirror
from tui_vae.config import EvaluationConfig, TrainConfig
from tui_vae.config.study import CHANGEABLE
from tui_vae.errors import ExitCode, NothingLeftError, RunStoreError, TuiVaeError, one_line, system_failure
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.evaluations import has_evaluation

if TYPE_CHECKING:
    from tui_vae.app.session import Session

_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class TrialJob:
    """A trial to train, as it is sent to another process.

    Attributes:
        id: Its name within the study.
        study: The folder of the study, on whatever node sees it.
        folder: The folder of its run within that.
        config: A ``TrainConfig`` as JSON values.
    """

    id: str
    study: str
    folder: str
    config: dict[str, Any]


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended: the exit code that a run would have, and its message."""

    id: str
    code: int
    message: str | None = None


class Place(Protocol):
    """Where the run of a trial is while it trains."""

    run: RunDirectory

    def tick(self) -> None:
        """Called some times a second."""

    def finish(self) -> None:
        """Called when the run has ended."""


@dataclass
class SharedPlace:
    """The study's own folder, which this node sees."""

    run: RunDirectory

    def tick(self) -> None:
        """Nothing: what is written is where it belongs."""

    def finish(self) -> None:
        """As above."""


def train_trial(job: TrialJob, keeper: Any = None) -> TrialOutcome:
    """Train a trial to its end; raises nothing.

    ``KeyboardInterrupt``, by which Ray cancels a task, stops it after a checkpoint.

    Args:
        job: The trial.
        keeper: The actor that keeps its run, where this node does not see the study's folder.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the program itself does, before torch is loaded
    try:
        with _place_of(job, keeper) as place:
            return TrialOutcome(job.id, _train(place, TrainConfig.from_json(job.config)))
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


@contextlib.contextmanager
def _place_of(job: TrialJob, keeper: Any) -> Iterator[Place]:
    if keeper is None:
        yield SharedPlace(RunDirectory(Path(job.study) / job.folder, job.id))
        return
    mirror = RunMirror(job.folder, job.id, keeper, _result_of)
    try:
        mirror.restore()
        yield mirror
    finally:
        mirror.close()


def _result_of(reference: Any) -> Any:
    """What an actor returned.

    Raises:
        OSError: It has died, and begins anew.
    """
    import ray  # noqa: PLC0415 - this is a task of Ray

    try:
        # Not by ray.get, in which a task lends its cores to the next trial.
        return reference.future().result()
    except ray.exceptions.RayError as error:
        raise OSError(errno.EIO, one_line(error)[:200]) from error


def _train(place: Place, config: TrainConfig) -> int:
    try:
        try:
            session = _start(place.run, config)
        except NothingLeftError:
            _evaluate_missing(place.run, config)
            raise
        try:
            while not session.wait(_SECONDS_BETWEEN_LOOKS):
                session.poll()  # nobody shows the events: they are in the log
                place.tick()
        except KeyboardInterrupt:
            _stop(session)
        except RunStoreError:
            _stop(session)
            session.close()
            raise
        return session.close()
    finally:
        place.finish()


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


def _evaluate_missing(run: RunDirectory, config: TrainConfig) -> None:
    """Evaluate a run that is finished, but whose evaluation was stopped.

    Raises:
        TuiVaeError: It cannot be evaluated.
    """
    if is_evaluated(run, config):
        return
    from tui_vae.app.evaluate_run import evaluate_run, log_writer  # noqa: PLC0415

    with log_writer(run) as emit:
        evaluate_run(run, EvaluationConfig(device=config.device), emit=emit, keep=True, again=False, trust=True)


def is_evaluated(run: RunDirectory, config: TrainConfig) -> bool:
    """Whether the run of a trial keeps an evaluation, or is to have none."""
    return config.no_evaluate or has_evaluation(run, config.models[0].name)


def _silent(text: str) -> None:
    """Nobody looks."""
