"""Events of a run, made up, and what became of them in a form that can be compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tui_vae.events import (
    DataSummary,
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    ModelStatus,
    Parameters,
    PpcaOptimum,
    Progress,
    RunStarted,
    Split,
    State,
)
from tui_vae.view.series import Point, Series

Make = Callable[..., Progress]
PARAMETERS = {"baseline": Parameters(50_240, 25_872, 76_112), "deep": Parameters(549_696, 542_224, 1_091_920)}
LIMIT = PpcaOptimum(train=312.0, held_out=310.7, sigma=0.2, kl_per_latent=(2.0, 1.0))
DATA = DataSummary("mnist", 55_000, 5_000, "ab" * 32)


def run_started(t: float = 100.0) -> RunStarted:
    config = {"models": [{"name": "baseline", "hidden": []}, {"name": "deep", "hidden": [512, 256]}], "epochs": 2}
    return RunStarted(t=t, name="quiet-otter", config=config, versions={"torch": "2"}, device="cpu", data=DATA)


def model_started(model: str, t: float, limit: PpcaOptimum | None) -> ModelStarted:
    hidden = () if limit else (512, 256)
    return ModelStarted(
        t=t, model=model, hidden=hidden, parameters=PARAMETERS[model], resumed_at_step=None, limit=limit
    )


def epoch(model: str, number: int, split: Split, elbo: float, t: float) -> Epoch:
    return Epoch(
        t=t,
        model=model,
        epoch=number,
        split=split,
        elbo=elbo,
        reconstruction=elbo + 10,
        kl=10.0,
        kl_per_latent=(6.0, 4.0),
        active_units=2,
        sigma=0.2,
        seconds=3.04,
    )


def result(model: str, state: ModelStatus = "finished") -> ModelResult:
    return ModelResult(model, state, 2, 300.0, 310.0, 10.0, 2, PARAMETERS[model], None, 6.0)


def training(progress: Make, model: str, points: list[tuple[float, int]], steps: int) -> list[Event]:
    return [
        State(t=0.0, model=model, state="running"),
        *(progress(step, t=t, model=model, steps=steps) for t, step in points),
    ]


def snapshot(value: Any) -> Any:
    """A deep, comparable copy that shares nothing with ``value``."""
    if isinstance(value, Series):
        return [value.column(name).tolist() for name in Point._fields]
    if isinstance(value, Struct):
        return {name: snapshot(getattr(value, name)) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: snapshot(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [snapshot(item) for item in value]
    return value
