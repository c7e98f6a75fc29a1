"""All that is known of a run, folded from its events by one pure reducer.

Every front end, for its own run or for another process's, shows nothing but a ``RunState``. It is a value: reducing
gives a new one, and whoever holds an old one sees it unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Event,
    Limit,
    ModelResult,
    ModelStarted,
    ModelStatus,
    Notice,
    Parameters,
    Progress,
    RunFinished,
    RunStarted,
    RunStatus,
    Samples,
    State,
)
from tui_vae.view.series import Series, point_of

MOST_LOG_LINES = 2000


@dataclass(frozen=True)
class LogLine:
    """A line for the log page."""

    t: float
    level: str
    model: str | None
    text: str


@dataclass(frozen=True)
class ModelState:
    """One model as far as the events tell. Nothing is known before its first event."""

    name: str
    hidden: tuple[int, ...] = ()
    parameters: Parameters | None = None
    limit: Limit | None = None
    status: ModelStatus | None = None
    reason: str | None = None
    epoch: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float | None = None
    progress: Series = field(default_factory=Series)
    train: tuple[Epoch, ...] = ()
    held_out: tuple[Epoch, ...] = ()
    samples: tuple[Samples, ...] = ()
    started_at: float | None = None
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
        """Nats that the held-out ELBO is below the exact limit of a linear model."""
        if self.limit is None or self.last_held_out is None:
            return None
        return self.limit.held_out - self.last_held_out.elbo

    @property
    def ended(self) -> bool:
        return self.status in ("finished", "stopped", "failed")

    def seconds_left(self) -> float | None:
        """Estimate from the steps of the last minute, ``None`` while nothing is known or nothing is left."""
        if self.status != "running" or len(self.progress) < 2 or self.step >= self.steps:
            return None
        times, steps = self.progress.column("t"), self.progress.column("step")
        first = int((times >= times[-1] - 60).argmax())
        first = min(first, len(times) - 2)
        passed, done = times[-1] - times[first], steps[-1] - steps[first]
        return float(passed / done * (self.steps - self.step)) if done > 0 and passed > 0 else None


@dataclass(frozen=True)
class RunState:
    """One run as far as the events tell."""

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    data: DataSummary | None = None
    started_at: float | None = None
    now: float | None = None
    models: Mapping[str, ModelState] = field(default_factory=dict)
    log: tuple[LogLine, ...] = ()
    status: RunStatus | None = None
    results: tuple[ModelResult, ...] = ()

    @property
    def epochs(self) -> int:
        return int(self.config.get("epochs", 0))

    def seconds_left(self) -> float | None:
        """Time until the last model ends; ``None`` while nothing is known."""
        estimates = [left for model in self.models.values() if (left := model.seconds_left()) is not None]
        return max(estimates, default=None)


def reduce_all(state: RunState, events: Iterable[Event]) -> RunState:
    for event in events:
        state = reduce(state, event)
    return state


def reduce(state: RunState, event: Event) -> RunState:
    """The state after ``event``."""
    state = dataclasses.replace(state, now=max(event.t, state.now or event.t))
    match event:
        case RunStarted():
            return _run_started(state, event)
        case RunFinished():
            state = dataclasses.replace(state, status=event.status, results=event.models)
            return _logged(state, event, "info", None, f"run {event.status}")
        case Notice():
            return _logged(state, event, event.level, event.model, event.text)
        case ModelStarted() | Progress() | Epoch() | Samples() | State() | Checkpoint():
            model = state.models.get(event.model, ModelState(event.model))
            state = dataclasses.replace(state, models={**state.models, event.model: _reduce_model(model, event)})
            return _log_model(state, event)
    return state


def _run_started(state: RunState, event: RunStarted) -> RunState:
    specs = event.config.get("models")
    named = (
        [spec["name"] for spec in specs if isinstance(spec, dict) and "name" in spec] if isinstance(specs, list) else []
    )
    names = [name for name in named if isinstance(name, str)]
    state = dataclasses.replace(
        state,
        name=event.name,
        config=event.config,
        device=event.device,
        versions=event.versions,
        data=event.data,
        started_at=event.t,
        models={name: state.models.get(name, ModelState(name)) for name in names},
    )
    data = event.data
    images = f"{data.train:,} training and {data.held_out:,} held-out images"
    text = f"run {event.name} on {event.device}: {data.name}, {images}"
    return _logged(state, event, "info", None, text)


def _reduce_model(model: ModelState, event: Event) -> ModelState:
    match event:
        case ModelStarted():
            return dataclasses.replace(
                model,
                hidden=event.hidden,
                parameters=event.parameters,
                limit=event.limit,
                started_at=model.started_at or event.t,
            )
        case Progress():
            return dataclasses.replace(
                model,
                epoch=event.epoch,
                step=event.step,
                steps=event.steps,
                images_per_second=event.images_per_second,
                progress=model.progress.append(point_of(event, model.step)),
            )
        case Epoch(split="train"):
            return dataclasses.replace(model, train=(*model.train, event))
        case Epoch():
            return dataclasses.replace(model, epoch=event.epoch, held_out=(*model.held_out, event))
        case Samples():
            return dataclasses.replace(model, samples=(*model.samples, event))
        case State():
            ended = event.t if event.state in ("finished", "stopped", "failed") else None
            return dataclasses.replace(model, status=event.state, reason=event.reason, ended_at=ended)
    return model


def _log_model(state: RunState, event: Event) -> RunState:
    match event:
        case ModelStarted():
            total = event.parameters.total
            limit = f", exact limit {event.limit.held_out:.2f} nats on held-out images" if event.limit else ""
            return _logged(state, event, "info", event.model, f"started with {total:,} parameters{limit}")
        case State(state="failed"):
            return _logged(state, event, "error", event.model, f"failed: {event.reason}")
        case State():
            reason = f": {event.reason}" if event.reason else ""
            return _logged(state, event, "info", event.model, f"{event.state}{reason}")
        case Epoch(split="held_out"):
            text = (
                f"epoch {event.epoch}: held-out ELBO {event.elbo:.2f} = {event.reconstruction:.2f} - {event.kl:.2f} KL"
                f", {event.active_units} active, {event.seconds:.1f} s"
            )
            return _logged(state, event, "info", event.model, text)
    return state


def _logged(state: RunState, event: Event, level: str, model: str | None, text: str) -> RunState:
    line = LogLine(event.t, level, model, text)
    return dataclasses.replace(state, log=(*state.log, line)[-MOST_LOG_LINES:])
