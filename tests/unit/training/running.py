"""Runs an engine on real images and keeps all that it gives out."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from torch import Tensor, isfinite

from tests.short_chains import short_chains
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset
from tui_vae.events import Event, ModelResult, PpcaOptimum, RunFinished, State
from tui_vae.model import ModelBuilder
from tui_vae.training import Broadcast, Engine, TrainingContext, step_batch
from tui_vae.training.protocols import OnSaved
from tui_vae.training.saved_state import SavedState

SMALL = ModelSpec("small")
DEEP = ModelSpec("deep", (24, 16))
MODELS = ModelBuilder()
PATIENCE = 100.0
"""Seconds after which a run that does not end is given up; no test waits for it when all is well."""

E = TypeVar("E", bound=Event)
Sink = Callable[[Event], None]


@dataclass
class MemoryStore:
    """Keeps pictures and checkpoints; ``failing`` makes it behave like a full disk."""

    failing: bool = False
    sheets: dict[tuple[str, int], npt.NDArray[np.uint8]] = field(default_factory=dict)
    latest: dict[str, list[SavedState]] = field(default_factory=dict)
    best: dict[str, list[SavedState]] = field(default_factory=dict)

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: OnSaved) -> None:
        self.sheets[model, epoch] = sheet
        self._tell(written, f"samples/{model}/{epoch}.png")

    def save_latest(
        self,
        model: str,
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        course: Mapping[str, Any],
        written: OnSaved,
    ) -> None:
        self._keep(self.latest, model, weights, optimizer, course)
        self._tell(written, f"models/{model}/latest.safetensors")

    def save_best(self, model: str, weights: Mapping[str, Tensor], course: Mapping[str, Any], written: OnSaved) -> None:
        self._keep(self.best, model, weights, {}, course)
        self._tell(written, f"models/{model}/best.safetensors")

    def flush(self) -> None: ...

    def _keep(self, where: dict[str, list[SavedState]], model: str, *parts: Mapping[str, Any]) -> None:
        weights, optimizer, course = parts
        # As through a file: what is not plain JSON would not come back.
        course = json.loads(json.dumps(course))
        where.setdefault(model, []).append(SavedState.restored(weights, optimizer, course))

    def _tell(self, written: OnSaved, file: str) -> None:
        if not self.failing:
            written(file)


@dataclass
class Run:
    """What came out of a run."""

    engine: Engine
    events: list[Event]
    store: MemoryStore

    def of(self, kind: type[E], model: str | None = None) -> list[E]:
        found = [event for event in self.events if isinstance(event, kind)]
        return [event for event in found if model is None or getattr(event, "model", None) == model]

    def names(self, model: str) -> list[str]:
        """Names of one model's events in order, a state with its value."""
        events = [event for event in self.events if getattr(event, "model", None) == model]
        return [getattr(event, "state", "") or event.event for event in events]

    def weights(self, model: str) -> Mapping[str, Tensor]:
        return self.engine.weights(model)


def resolved(data: Dataset, **options: Any) -> TrainConfig:
    """A configuration for where the images are, small and with one thread a model unless said otherwise."""
    defaults = {"models": (SMALL, DEEP), "zdim": 4, "sigma": 0.2, "epochs": 2, "batch_size": 100, "precision": "fp32"}
    defaults |= {"threads": 1, "step": "fused"}
    config = TrainConfig(**(defaults | options))
    return config.resolved(
        device=str(data.train.images.device),
        precision=config.precision,
        threads=int(config.threads),
        train_size=len(data.train),
        step=config.step,
    )


def no_limit(spec: ModelSpec) -> PpcaOptimum | None:
    return None


def train(
    data: Dataset,
    *,
    sinks: Sequence[Callable[[Engine, Event], None]] = (),
    before: Callable[[Engine], None] = lambda engine: None,
    find_limit: Callable[[ModelSpec], PpcaOptimum | None] = no_limit,
    store: MemoryStore | None = None,
    saved: Mapping[str, SavedState] | None = None,
    conclude: Callable[[Sequence[ModelResult]], None] = lambda results: None,
    build: ModelBuilder = MODELS,
    **options: Any,
) -> Run:
    """Train to the end. ``sinks`` see every event together with the engine; ``before`` is called before the start."""
    events: list[Event] = []
    kept = store or MemoryStore()
    calls: list[Sink] = [events.append, *(lambda event, sink=sink: sink(engine, event) for sink in sinks)]
    context = TrainingContext(resolved(data, **options), data, Broadcast(calls), kept, find_limit, build)
    engine: Engine = Engine(context, saved, conclude)
    before(engine)
    with short_chains():
        engine.start()
        assert engine.wait(PATIENCE), "the run did not end"
    assert engine.finished
    return Run(engine, events, kept)


@contextlib.contextmanager
def after_each_step(call: Callable[[Engine, int], object]) -> Iterator[Callable[..., Run]]:
    """A context that yields a :func:`train` that takes steps one by one and calls back after each, with its number."""
    engines: list[Engine] = []
    take = step_batch.StepRunner.take

    def taken(self: step_batch.StepRunner, *of: Any) -> None:
        take(self, *of)
        call(engines[-1], self.step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_batch.StepRunner, "take", taken)
        patch.setattr(step_batch, "steps_at_once", lambda *of: 1)

        def train_and_call(data: Dataset, **options: Any) -> Run:
            before = options.pop("before", engines.append)
            return train(data, before=lambda engine: (engines.append(engine), before(engine))[-1], **options)

        yield train_and_call


def in_a_thread(call: Callable[[], None]) -> None:
    threading.Thread(target=call, daemon=True).start()


def identical(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two sets of weights agree in every bit."""
    assert one.keys() == other.keys()
    return all(one[name].cpu().numpy().tobytes() == other[name].cpu().numpy().tobytes() for name in one)


def ends(run: Run) -> dict[str, str]:
    """The last state that was told of each model."""
    return {event.model: event.state for event in run.of(State)}


def results(run: Run) -> RunFinished:
    assert isinstance(run.events[-1], RunFinished)
    assert len(run.of(RunFinished)) == 1
    return run.events[-1]


def all_finite(weights: Mapping[str, Tensor]) -> bool:
    return all(bool(isfinite(tensor).all()) for tensor in weights.values())
