"""What curves show: models of runs, their metrics over steps, epochs or time, and the points of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from tui_vae.charts.palette import ModelStyle, model_style
from tui_vae.charts.settings import XAxis
from tui_vae.events import Epoch
from tui_vae.view.numbers import count, nats
from tui_vae.view.series import FloatArray, smoothed
from tui_vae.view.state import ModelState, RunState


@dataclass(frozen=True)
class Trace:
    """One model of one run as charts draw it.

    ``label`` names it: a model of the run itself by its name, one of another run as ``run/model``. ``steps_per_epoch``
    is that of its own run, so that epochs of runs with other batches lie beside each other.
    """

    label: str
    model: ModelState
    steps_per_epoch: float
    style: ModelStyle


def traces_of(state: RunState, others: Sequence[RunState] = (), *, ascii_only: bool) -> tuple[Trace, ...]:
    """Every model of the run, then those of the runs it is compared with; the same order gives the same styles."""
    found = [(model.name, model, state) for model in state.models.values()]
    found += [(f"{other.name}/{model.name}", model, other) for other in others for model in other.models.values()]
    return tuple(
        Trace(
            label,
            model,
            max(1.0, model.steps / max(1, run.epochs_of(model))),
            model_style(index, ascii_only=ascii_only),
        )
        for index, (label, model, run) in enumerate(found)
    )


def wanted_models(state: RunState, globs: str) -> frozenset[str]:
    """The names of those models of a run that the globs leave."""
    return frozenset(trace.model.name for trace in wanted_traces(traces_of(state, ascii_only=False), globs))


def wanted_traces(traces: Iterable[Trace], globs: str) -> tuple[Trace, ...]:
    """Those whose label, or name of the model, matches one of the globs, which commas divide; all without a glob."""
    patterns = [glob.strip().lower() for glob in globs.split(",") if glob.strip()]
    return tuple(
        trace
        for trace in traces
        if not patterns
        or any(fnmatchcase(name.lower(), glob) for glob in patterns for name in (trace.label, trace.model.name))
    )


def x_of_trace(trace: Trace, axis: XAxis, steps: FloatArray, times: FloatArray) -> FloatArray:
    """Steps, epochs, or seconds since the model first started; a clock that was set back stands still."""
    if axis == "time":
        start = trace.model.started_at
        return np.maximum.accumulate(times - (start if start is not None else 0.0))
    return steps if axis == "steps" else steps / trace.steps_per_epoch


def place_on(trace: Trace, place: float, before: XAxis, after: XAxis) -> float:
    """Where a place of one axis lies on another, by the points of a model; beyond the last of them in proportion."""
    if "time" not in (before, after):
        return place / trace.steps_per_epoch if after == "epochs" else place * trace.steps_per_epoch
    history = trace.model.progress
    steps, times = (np.concatenate(([0.0], history.column(name))) for name in ("step", "t"))
    times[0] = trace.model.started_at or 0.0
    old, new = (x_of_trace(trace, axis, steps, times) for axis in (before, after))
    if place > old[-1] > 0:
        return float(place * new[-1] / old[-1])
    return float(np.interp(place, old, new))


def end_of_trace(trace: Trace, axis: XAxis) -> float:
    """How far x reaches for a model, whatever is drawn of it."""
    newest, epochs = trace.model.progress.last(), (trace.model.last_train, trace.model.last_held_out)
    places = [(newest.step, newest.t)] if newest is not None else []
    places += [(epoch.epoch * trace.steps_per_epoch, epoch.t) for epoch in epochs if epoch is not None]
    if not places:
        return 0.0
    steps, times = (np.array(values, dtype=float) for values in zip(*places, strict=True))
    return max(0.0, float(x_of_trace(trace, axis, steps, times).max()))


class CurvePoints(NamedTuple):
    """Values of one curve by x, with the least and greatest that each stands for; ``smooth`` is y where it is not."""

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    smooth: FloatArray


@dataclass(frozen=True)
class Quantity:
    """One quantity of every model over training.

    ``title`` says what it is and in which unit, ``short_title`` the same where there is little space. ``column`` and
    ``bounds`` are fields of the history of steps, ``is_negated`` says that the quantity is less each of them; without
    a column, the training curve is that of the epochs.
    ``of_epoch`` is the value of an epoch, ``None`` for what is not measured then. ``limit`` is what theory has for a
    model, ``known`` whether a run has the quantity at all, and ``whole`` whether its values are whole numbers.
    """

    title: str
    short_title: str
    text: Callable[[float], str]
    column: str | None = None
    bounds: tuple[str, str] | None = None
    is_negated: bool = False
    of_epoch: Callable[[Epoch], float] | None = None
    limit: Callable[[ModelState], float | None] = lambda model: None
    known: Callable[[RunState], bool] = lambda state: True
    whole: bool = False


def _learns_sigma(state: RunState) -> bool:
    return state.config.get("sigma") == "learned"


LOSS = Quantity(
    "−ELBO, nats per image",
    "−ELBO, nats",
    nats,
    column="loss",
    bounds=("loss_min", "loss_max"),
    of_epoch=lambda epoch: -epoch.elbo,
    limit=lambda model: None if model.limit is None else -model.limit.held_out,
)
ELBO = Quantity(
    "ELBO, nats per image",
    "ELBO, nats",
    nats,
    column="loss",
    bounds=("loss_max", "loss_min"),
    is_negated=True,
    of_epoch=lambda epoch: epoch.elbo,
    limit=lambda model: None if model.limit is None else model.limit.held_out,
)
RECONSTRUCTION = Quantity(
    "reconstruction, nats per image",
    "recon, nats",
    nats,
    column="reconstruction",
    of_epoch=lambda epoch: epoch.reconstruction,
)
KL = Quantity("KL, nats per image", "KL, nats", nats, column="kl", of_epoch=lambda epoch: epoch.kl)
SIGMA = Quantity(
    "learned sigma, parts of the pixel range",
    "sigma, pixels",
    lambda value: nats(value, 3),
    of_epoch=lambda epoch: epoch.sigma,
    limit=lambda model: None if model.limit is None else model.limit.sigma,
    known=_learns_sigma,
)
ACTIVE = Quantity("active latents, number", "active", count, of_epoch=lambda epoch: epoch.active_units, whole=True)
SPEED = Quantity("training speed, images per second", "images/s", count, column="images_per_second")

METRICS: Mapping[str, Quantity] = {
    "loss": LOSS,
    "elbo": ELBO,
    "reconstruction": RECONSTRUCTION,
    "kl": KL,
    "active_units": ACTIVE,
    "images_per_second": SPEED,
}
"""By the names that the command line has for them."""


def training_points(quantity: Quantity, trace: Trace, axis: XAxis, smoothing: int) -> CurvePoints | None:
    """The curve over the steps of training, or over its epochs, and the same smoothed over so many points."""
    if quantity.column is None:
        return _epoch_points(quantity, trace, axis, tuple(trace.model.train), smoothing)
    history = trace.model.progress
    if not len(history):
        return None
    x = x_of_trace(trace, axis, history.column("step"), history.column("t"))
    sign = -1.0 if quantity.is_negated else 1.0
    y = sign * history.column(quantity.column)
    low, high = (sign * history.column(name) for name in quantity.bounds) if quantity.bounds is not None else (y, y)
    return CurvePoints(x, y, low, high, sign * history.smoothed(quantity.column, smoothing) if smoothing > 1 else y)


def held_out_points(quantity: Quantity, trace: Trace, axis: XAxis) -> CurvePoints | None:
    """The values on held-out images, at the end of each epoch."""
    return _epoch_points(quantity, trace, axis, tuple(trace.model.held_out))


def _epoch_points(
    quantity: Quantity, trace: Trace, axis: XAxis, epochs: tuple[Epoch, ...], smoothing: int = 1
) -> CurvePoints | None:
    if not epochs or quantity.of_epoch is None:
        return None
    steps = np.array([epoch.epoch for epoch in epochs]) * trace.steps_per_epoch
    y = np.array([quantity.of_epoch(epoch) for epoch in epochs], dtype=float)
    x = x_of_trace(trace, axis, steps, np.array([epoch.t for epoch in epochs]))
    return CurvePoints(x, y, y, y, smoothed(y, smoothing))
