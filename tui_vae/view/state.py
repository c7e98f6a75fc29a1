"""The state of a run, folded from its events by one pure reducer.

Every front end shows a ``RunState``, for its own run or for that of another process. It is immutable: reducing returns
a new one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

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
    is_own_loop,
)
from tui_vae.view.history import EpochHistory, History
from tui_vae.view.log_lines import LogLine, log_line
from tui_vae.view.series import Series, point_of

MOST_LOG_LINES = 2000
MOST_MODELS = 256
"""Most models of a run; further ones, which only a damaged log has, are ignored."""


class ModelState(Struct, frozen=True):
    """The state of one model. Nothing is known before its first event.

    ``hidden`` is ``None`` where the layers are not known, ``steps`` is the number of steps in all. ``started_at`` is
    when it was first started, ``running_since`` when it last began to run, also after a pause.
    ``latest`` and ``best`` are its newest checkpoints of that kind, ``evaluation`` its newest evaluation. ``epochs``
    and ``lr`` are those of the model where they were changed while it trained, else ``None``: the options hold.
    ``kl_weight`` is the present weight of the KL in what is minimised, where it is or was another than 1.
    ``network`` names the classes of networks of the user's own, and ``reference`` is the exact optimum of the linear
    model in a run that has none.
    """

    name: str
    hidden: tuple[int, ...] | None = ()
    network: str | None = None
    parameters: Parameters | None = None
    limit: PpcaOptimum | None = None
    reference: PpcaOptimum | None = None
    status: ModelStatus | None = None
    reason: str | None = None
    epoch: int = 0
    step: int = 0
    steps: int | None = None
    images_per_second: float | None = None
    kl_weight: float | None = None
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
    def linear_limit(self) -> PpcaOptimum | None:
        """The exact optimum of the linear model of this run, whatever this model is."""
        return self.limit or self.reference

    @property
    def last_train(self) -> Epoch | None:
        return self.train[-1] if self.train else None

    @property
    def last_held_out(self) -> Epoch | None:
        return self.held_out[-1] if self.held_out else None

    @property
    def to_limit(self) -> float | None:
        """Nats between the held-out ELBO and the exact optimum of a linear model."""
        return None if self.limit is None or self.elbo is None else self.limit.held_out - self.elbo

    @property
    def elbo(self) -> float | None:
        """The newest held-out ELBO, in nats per image."""
        return self.last_held_out.elbo if self.last_held_out is not None else None

    @property
    def last_latents(self) -> Epoch | None:
        """The newest epoch of which the KL per latent is known."""
        return next((epoch for epoch in reversed(self.held_out) if epoch.kl_per_latent is not None), None)

    @property
    def ended(self) -> bool:
        return self.status in ("finished", "stopped", "failed")

    def seconds_left(self) -> float | None:
        """Estimate from the steps of the last minute, ``None`` while nothing is known or nothing is left.

        Steps before a pause, or before the run was resumed, do not count: the time between is no measure of the pace.
        """
        if self.status != "running" or self.steps is None or self.step >= self.steps:
            return None
        times, steps = self.progress.column("t"), self.progress.column("step")
        if self.running_since is not None:
            steps, times = steps[times >= self.running_since], times[times >= self.running_since]
        if len(times) < 2:
            return None
        first = min(int((times >= times[-1] - 60).argmax()), len(times) - 2)
        passed, done = times[-1] - times[first], steps[-1] - steps[first]
        return float(passed / done * (self.steps - self.step)) if done > 0 and passed > 0 else None


class RunState(Struct, frozen=True):
    """The state of a run.

    A run may have several parts, each begun by a process that resumed it: ``started_at`` is the start of the newest,
    ``earlier_seconds`` how long the others took together. ``evaluating`` is the newest progress of a running
    evaluation, ``evaluated`` how the last one ended; ``ended_at`` is when the run ended, ``None`` while it goes on.
    """

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
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
    def epochs(self) -> int | None:
        epochs = self.config.get("epochs")
        return epochs if isinstance(epochs, int) else None

    @property
    def own_loop(self) -> bool:
        """Whether a loop of the user's own writes the run, which has no weights and logs what it will."""
        return is_own_loop(self.config)

    def named(self, name: str) -> RunState:
        """Return the state under another name, such as that of a directory that was renamed."""
        return replace(self, name=name)

    def epochs_of(self, model: ModelState) -> int | None:
        """Return the planned epochs of a model, including those added while it trained; ``None`` if not known."""
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


def reduce_all(state: RunState, events: Iterable[Event]) -> RunState:
    """Return the state after ``events``; it shares with ``state`` what they do not change."""
    for event in events:
        state = reduce(state, event)
    return state


def reduce(state: RunState, event: Event) -> RunState:
    """Return the state after ``event``."""
    match event:
        case RunStarted():
            state = _run_started(state, event)
        case RunFinished():
            state = replace(state, status=event.status, results=event.models, ended_at=event.t)
        case EvaluationProgress():
            state = replace(state, evaluating=event)
        case EvaluationFinished():
            state = replace(state, evaluating=None, evaluated=event)
        case Progress() | Epoch() | Samples() | Checkpoint() | State() | Schedule() | ModelStarted() | Evaluation():
            model = state.models.get(event.model) or ModelState(event.model)
            if event.model not in state.models and len(state.models) >= MOST_MODELS:
                return state
            state = replace(state, models={**state.models, event.model: _model_after(model, event)})
    state = replace(state, now=event.t if state.now is None else max(event.t, state.now))
    line = log_line(event, state.elapsed(event.t), resumed=state.earlier_seconds > 0)
    return state if line is None else replace(state, log=state.log.append(line).last(MOST_LOG_LINES))


def _run_started(state: RunState, event: RunStarted) -> RunState:
    """Begin the first part of a run, or one that continues it."""
    specs = event.config.get("models")
    named = [spec.get("name") for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    names = [name for name in named if isinstance(name, str)][:MOST_MODELS]
    lasted = state.now - state.started_at if state.now is not None and state.started_at is not None else 0.0
    return replace(
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


def _model_after(model: ModelState, event: Event) -> ModelState:
    match event:
        case Progress():
            return replace(
                model,
                epoch=event.epoch,
                step=event.step,
                steps=event.steps,
                images_per_second=event.images_per_second,
                kl_weight=event.kl_weight,
                progress=model.progress.append(point_of(event, model.step)),
            )
        case Epoch(split="train"):
            return replace(model, train=model.train.append(event))
        case Epoch():
            held_out = model.held_out.append(event)
            return replace(model, epoch=event.epoch, held_out=held_out, kl_weight=event.kl_weight)
        case Samples():
            return replace(model, samples=model.samples.append(event))
        case Checkpoint(kind="latest"):
            return replace(model, latest=event)
        case Checkpoint():
            return replace(model, best=event)
        case State():
            return replace(
                model,
                status=event.state,
                reason=event.reason,
                running_since=event.t if event.state == "running" else None,
                ended_at=event.t if event.state in ("finished", "stopped", "failed") else None,
            )
        case Schedule():
            return replace(model, epochs=event.epochs, lr=event.lr, steps=event.steps)
        case Evaluation():
            return replace(model, evaluation=event)
        case ModelStarted():
            return _model_started(model, event)
    return model


def _model_started(model: ModelState, event: ModelStarted) -> ModelState:
    """Drop later steps and epochs than the event says are complete: the model was resumed from there."""
    step = event.resumed_at_step or 0
    epoch = event.resumed_at_epoch if event.resumed_at_epoch is not None else _epoch_at(model, step)
    return replace(
        model,
        hidden=event.hidden,
        network=event.network,
        reference=event.reference,
        parameters=event.parameters,
        limit=event.limit,
        status=None,
        reason=None,
        epoch=epoch,
        step=step,
        images_per_second=None,
        kl_weight=None,
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
    logged_until = beyond[0] if len(beyond) else math.inf
    return max((epoch.epoch for epoch in model.held_out if epoch.t < logged_until), default=0)
