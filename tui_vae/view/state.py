"""The state of a run, folded from its events by one pure reducer.

Every front end shows a ``RunState``, for its own run or for that of another process. It is immutable: reducing returns
a new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Evaluation,
    EvaluationFinished,
    EvaluationProgress,
    Event,
    ModelResult,
    ModelStarted,
    ModelStatus,
    Parameters,
    PpcaOptimum,
    Progress,
    RunFinished,
    RunStarted,
    RunStatus,
    Samples,
    Schedule,
    State,
)
from tui_vae.view.history import EpochHistory, History
from tui_vae.view.log_lines import LogLine, log_line
from tui_vae.view.series import Series, point_of

MOST_LOG_LINES = 2000
MOST_MODELS = 256
"""Most models of a run; further ones, which only a damaged log has, are ignored."""

Frozen = TypeVar("Frozen")


@dataclass(frozen=True)
class ModelState:
    """The state of one model. Nothing is known before its first event.

    ``started_at`` is when it was first started, ``running_since`` when it last began to run, also after a pause.
    ``latest`` and ``best`` are its newest checkpoints of that kind, ``evaluation`` its newest evaluation. ``epochs``
    and ``lr`` are those of the model where they were changed while it trained, else ``None``: the options hold.
    """

    name: str
    hidden: tuple[int, ...] = ()
    parameters: Parameters | None = None
    limit: PpcaOptimum | None = None
    status: ModelStatus | None = None
    reason: str | None = None
    epoch: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float | None = None
    progress: Series = field(default_factory=Series)
    train: EpochHistory[Epoch] = field(default_factory=EpochHistory)
    held_out: EpochHistory[Epoch] = field(default_factory=EpochHistory)
    samples: EpochHistory[Samples] = field(default_factory=EpochHistory)
    latest: Checkpoint | None = None
    best: Checkpoint | None = None
    evaluation: Evaluation | None = None
    epochs: int | None = None
    lr: float | None = None
    started_at: float | None = None
    running_since: float | None = None
    ended_at: float | None = None

    @property
    def linear(self) -> bool:
        return not self.hidden

    @property
    def last_train(self) -> Epoch | None:
        return self.train[-1] if self.train else None

    @property
    def last_held_out(self) -> Epoch | None:
        return self.held_out[-1] if self.held_out else None

    @property
    def to_limit(self) -> float | None:
        """Nats between the held-out ELBO and the exact optimum of a linear model."""
        if self.limit is None or self.last_held_out is None:
            return None
        return self.limit.held_out - self.last_held_out.elbo

    @property
    def ended(self) -> bool:
        return self.status in ("finished", "stopped", "failed")

    def seconds_left(self) -> float | None:
        """Estimate from the steps of the last minute, ``None`` while nothing is known or nothing is left.

        Steps before a pause, or before the run was resumed, do not count: the time between is no measure of the pace.
        """
        if self.status != "running" or self.step >= self.steps:
            return None
        times, steps = self.progress.column("t"), self.progress.column("step")
        if self.running_since is not None:
            steps, times = steps[times >= self.running_since], times[times >= self.running_since]
        if len(times) < 2:
            return None
        first = min(int((times >= times[-1] - 60).argmax()), len(times) - 2)
        passed, done = times[-1] - times[first], steps[-1] - steps[first]
        return float(passed / done * (self.steps - self.step)) if done > 0 and passed > 0 else None


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    A run may have several parts, each begun by a process that resumed it: ``started_at`` is the start of the newest,
    ``earlier_seconds`` how long the others took together. ``evaluating`` is the newest progress of a running
    evaluation, ``evaluated`` how the last one ended; ``ended_at`` is when the run ended, ``None`` while it goes on.
    """

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    data: DataSummary | None = None
    started_at: float | None = None
    earlier_seconds: float = 0.0
    now: float | None = None
    models: Mapping[str, ModelState] = field(default_factory=dict)
    log: History[LogLine] = field(default_factory=History)
    status: RunStatus | None = None
    results: tuple[ModelResult, ...] = ()
    ended_at: float | None = None
    evaluating: EvaluationProgress | None = None
    evaluated: EvaluationFinished | None = None

    @property
    def epochs(self) -> int:
        epochs = self.config.get("epochs")
        return epochs if isinstance(epochs, int) else 0

    def epochs_of(self, model: ModelState) -> int:
        """Return the planned epochs of a model, including those added while it trained."""
        return self.epochs if model.epochs is None else model.epochs

    def lr_of(self, model: ModelState) -> float | None:
        """Return the peak learning rate of a model, including changes; ``None`` while it is unknown."""
        lr = self.config.get("lr") if model.lr is None else model.lr
        return float(lr) if isinstance(lr, (int, float)) else None

    def elapsed(self, now: float) -> float | None:
        """Return the seconds that the run has taken until ``now`` or its end, without the time between its parts."""
        if self.started_at is None:
            return None
        end = self.now if self.status is not None and self.now is not None else now
        return self.earlier_seconds + max(0.0, end - self.started_at)

    def seconds_left(self) -> float | None:
        """Return the seconds until the last model ends; ``None`` while nothing is known."""
        estimates = [left for model in self.models.values() if (left := model.seconds_left()) is not None]
        return max(estimates, default=None)


def reduce(state: RunState, event: Event) -> RunState:
    """Return the state after ``event``."""
    return reduce_all(state, (event,))


def reduce_all(state: RunState, events: Iterable[Event]) -> RunState:
    """Return the state after ``events``; it shares with ``state`` what they do not change.

    A long log has a hundred thousand events: what they change is copied once for all of them.
    """
    events = tuple(events)
    if not events:
        return state
    after = _copy(state)
    _set(after, models=dict(state.models))
    copied: set[str] = set()
    for event in events:
        _fold(after, event, copied)
    return after


def _fold(state: RunState, event: Event, copied: set[str]) -> None:
    """Change ``state`` in place: it is not shared yet, nor are its models named in ``copied``."""
    now = event.t if state.now is None else max(event.t, state.now)
    if isinstance(event, (Progress, Epoch, Samples, Checkpoint, State, Schedule, ModelStarted, Evaluation)):
        model = _own_model(state, event.model, copied)
        if model is None:
            return
        _fold_model(model, event)
    elif isinstance(event, RunStarted):
        _run_started(state, event)
    elif isinstance(event, RunFinished):
        _set(state, status=event.status, results=event.models, ended_at=event.t)
    elif isinstance(event, EvaluationProgress):
        _set(state, evaluating=event)
    elif isinstance(event, EvaluationFinished):
        _set(state, evaluating=None, evaluated=event)
    _set(state, now=now)
    line = log_line(event, state.elapsed(event.t), resumed=state.earlier_seconds > 0)
    if line is not None:
        _set(state, log=state.log.append(line).last(MOST_LOG_LINES))


def _own_model(state: RunState, name: str, copied: set[str]) -> ModelState | None:
    """Return a model that may be changed in place; ``None`` if there are too many."""
    known = state.models.get(name)
    if known is not None and name in copied:
        return known
    if known is None and len(state.models) >= MOST_MODELS:
        return None
    model = ModelState(name) if known is None else _copy(known)
    copied.add(name)
    _set(state, models={**state.models, name: model})
    return model


def _copy(value: Frozen) -> Frozen:
    """Copy as ``copy.copy`` does, for classes without slots and checks; many times as fast."""
    copied = object.__new__(type(value))
    _set(copied, **vars(value))
    return copied


def _set(value: object, **fields: Any) -> None:
    vars(value).update(fields)


def _run_started(state: RunState, event: RunStarted) -> None:
    """Begin the first part of a run, or one that continues it."""
    specs = event.config.get("models")
    named = [spec.get("name") for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    names = [name for name in named if isinstance(name, str)][:MOST_MODELS]
    lasted = state.now - state.started_at if state.now is not None and state.started_at is not None else 0.0
    _set(
        state,
        name=event.name,
        config=event.config,
        device=event.device,
        versions=event.versions,
        data=event.data,
        started_at=event.t,
        earlier_seconds=state.earlier_seconds + max(0.0, lasted),
        models={name: state.models.get(name) or ModelState(name) for name in (*names, *state.models)},
        status=None,
        results=(),
        ended_at=None,
        evaluating=None,
    )


def _fold_model(model: ModelState, event: Event) -> None:
    match event:
        case Progress():
            _set(
                model,
                epoch=event.epoch,
                step=event.step,
                steps=event.steps,
                images_per_second=event.images_per_second,
                progress=model.progress.append(point_of(event, model.step)),
            )
        case Epoch(split="train"):
            _set(model, train=model.train.append(event))
        case Epoch():
            _set(model, epoch=event.epoch, held_out=model.held_out.append(event))
        case Samples():
            _set(model, samples=model.samples.append(event))
        case Checkpoint(kind="latest"):
            _set(model, latest=event)
        case Checkpoint():
            _set(model, best=event)
        case State():
            _set(
                model,
                status=event.state,
                reason=event.reason,
                running_since=event.t if event.state == "running" else None,
                ended_at=event.t if event.state in ("finished", "stopped", "failed") else None,
            )
        case Schedule():
            _set(model, epochs=event.epochs, lr=event.lr, steps=event.steps)
        case Evaluation():
            _set(model, evaluation=event)
        case ModelStarted():
            _model_started(model, event)


def _model_started(model: ModelState, event: ModelStarted) -> None:
    """Drop later steps and epochs than the event says are complete: the model was resumed from there."""
    step = event.resumed_at_step or 0
    epoch = event.resumed_at_epoch if event.resumed_at_epoch is not None else _epoch_at(model, step)
    _set(
        model,
        hidden=event.hidden,
        parameters=event.parameters,
        limit=event.limit,
        status=None,
        reason=None,
        epoch=epoch,
        step=step,
        images_per_second=None,
        progress=model.progress.until(step),
        train=model.train.until(epoch),
        held_out=model.held_out.until(epoch),
        samples=model.samples.until(epoch),
        latest=model.latest if model.latest is not None and model.latest.step <= step else None,
        best=model.best if model.best is not None and model.best.step <= step else None,
        epochs=None,
        lr=None,
        started_at=event.t if model.started_at is None else model.started_at,
        running_since=None,
        ended_at=None,
    )


def _epoch_at(model: ModelState, step: int) -> int:
    """Return the last epoch that was complete at ``step``: its event precedes any later progress."""
    if step == 0:
        return 0
    beyond = model.progress.column("t")[model.progress.column("step") > step]
    told_until = beyond[0] if len(beyond) else math.inf
    return max((epoch.epoch for epoch in model.held_out if epoch.t < told_until), default=0)
