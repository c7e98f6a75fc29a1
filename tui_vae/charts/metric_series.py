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

    ``label`` is the model's name, or ``run/model`` for a model of another run. ``steps_per_epoch`` is that of its own
    run, so that epochs of runs with different batch sizes align.
    """

    label: str
    model: ModelState
    steps_per_epoch: float
    style: ModelStyle


def traces_of(state: RunState, others: Sequence[RunState] = (), *, ascii_only: bool) -> tuple[Trace, ...]:
    """Return every model of the run, then those of the runs it is compared with; styles follow the order."""
    found = [(model.name, model, state) for model in state.models.values()]
    found += [(f"{other.name}/{model.name}", model, other) for other in others for model in other.models.values()]
    return tuple(
        Trace(
            label,
            model,
            steps_per_epoch_of(model, run.epochs_of(model)),
            model_style(index, ascii_only=ascii_only),
        )
        for index, (label, model, run) in enumerate(found)
    )


def steps_per_epoch_of(model: ModelState, epochs: int | None) -> float:
    """Return the steps of an epoch; where their number is not known beforehand, the mean over the complete epochs."""
    if model.steps is not None and epochs:
        return max(1.0, model.steps / epochs)
    newest = model.last_held_out or model.last_train
    if newest is None or newest.epoch < 1:
        return max(1.0, float(model.step))
    taken = model.progress.column("step")[model.progress.column("t") <= newest.t]
    return max(1.0, float(taken[-1]) / newest.epoch) if len(taken) else 1.0


def wanted_models(state: RunState, globs: str) -> frozenset[str]:
    """Return the names of the models of a run that match the globs."""
    return frozenset(trace.model.name for trace in wanted_traces(traces_of(state, ascii_only=False), globs))


def wanted_traces(traces: Iterable[Trace], globs: str) -> tuple[Trace, ...]:
    """Return the traces whose label or model name matches one of the comma-separated globs; all without a glob."""
    patterns = [glob.strip().lower() for glob in globs.split(",") if glob.strip()]
    return tuple(
        trace
        for trace in traces
        if not patterns
        or any(fnmatchcase(name.lower(), glob) for glob in patterns for name in (trace.label, trace.model.name))
    )


def x_of_trace(trace: Trace, axis: XAxis, steps: FloatArray, times: FloatArray) -> FloatArray:
    """Return x as steps, epochs, or seconds since the model first started; time never decreases."""
    if axis == "time":
        start = trace.model.started_at
        return np.maximum.accumulate(times - (start if start is not None else 0.0))
    return steps if axis == "steps" else steps / trace.steps_per_epoch


def place_on(trace: Trace, place: float, before: XAxis, after: XAxis) -> float:
    """Convert a value of one x axis to another by the points of a model; extrapolate beyond the last in proportion."""
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
    """Return the greatest x of a model, over all that can be drawn of it."""
    newest, epochs = trace.model.progress.last(), (trace.model.last_train, trace.model.last_held_out)
    places = [(newest.step, newest.t)] if newest is not None else []
    places += [(epoch.epoch * trace.steps_per_epoch, epoch.t) for epoch in epochs if epoch is not None]
    if not places:
        return 0.0
    steps, times = (np.array(values, dtype=float) for values in zip(*places, strict=True))
    return max(0.0, float(x_of_trace(trace, axis, steps, times).max()))


class CurvePoints(NamedTuple):
    """Values of one curve over x, the least and greatest value behind each, and the smoothed curve (or ``y``)."""

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    smooth: FloatArray


@dataclass(frozen=True)
class Quantity:
    """One quantity of every model over training.

    ``title`` and ``short_title`` name the quantity and its unit. ``column`` and ``bounds`` are fields of the history
    of steps, negated if ``is_negated``; without a column, the training curve has one point an epoch. ``of_epoch``
    returns the value of an epoch, ``None`` where it is not known; there is none if epochs do not measure it. ``limit``
    returns the theoretical optimum of a model, ``known`` whether a run of this program has the quantity, and ``whole``
    says that its values are integers.
    """

    title: str
    short_title: str
    text: Callable[[float], str]
    column: str | None = None
    bounds: tuple[str, str] | None = None
    is_negated: bool = False
    of_epoch: Callable[[Epoch], float | None] | None = None
    limit: Callable[[ModelState], float | None] = lambda model: None
    known: Callable[[RunState], bool] = lambda state: True
    whole: bool = False


def _learns_sigma(state: RunState) -> bool:
    return isinstance(state.config.get("sigma"), str)


LOSS = Quantity(
    "−ELBO, nats per image",
    "−ELBO, nats",
    nats,
    column="loss",
    bounds=("loss_min", "loss_max"),
    of_epoch=lambda epoch: None if epoch.elbo is None else -epoch.elbo,
    limit=lambda model: None if model.linear_limit is None else -model.linear_limit.held_out,
)
ELBO = Quantity(
    "ELBO, nats per image",
    "ELBO, nats",
    nats,
    column="loss",
    bounds=("loss_max", "loss_min"),
    is_negated=True,
    of_epoch=lambda epoch: epoch.elbo,
    limit=lambda model: None if model.linear_limit is None else model.linear_limit.held_out,
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
    limit=lambda model: None if model.linear_limit is None else model.linear_limit.sigma,
    known=_learns_sigma,
)
ACTIVE = Quantity("active latents, number", "active", count, of_epoch=lambda epoch: epoch.active_units, whole=True)
KL_WEIGHT = Quantity(
    "weight of the KL",
    "KL weight",
    lambda value: nats(value, 3),
    of_epoch=lambda epoch: epoch.kl_weight,
    known=lambda state: state.config.get("beta", 1.0) != 1 or bool(state.config.get("kl_warmup")),
)
FREE = Quantity(
    "latents below the free bits, number",
    "free",
    count,
    of_epoch=lambda epoch: epoch.free_latents,
    known=lambda state: bool(state.config.get("free_bits")),
    whole=True,
)
SPEED = Quantity("training speed, images per second", "images/s", count, column="images_per_second")

ALWAYS_KNOWN = ("loss",)
"""Columns of which a value that is not a number is lost; of any other it is not known."""

METRICS: Mapping[str, Quantity] = {
    "loss": LOSS,
    "elbo": ELBO,
    "reconstruction": RECONSTRUCTION,
    "kl": KL,
    "kl_weight": KL_WEIGHT,
    "active_units": ACTIVE,
    "free_latents": FREE,
    "images_per_second": SPEED,
}
"""Quantities by their names on the command line."""


def has_values(quantity: Quantity, state: RunState) -> bool:
    """Return whether a run has, or will have, values of a quantity; a loop of the user's own may never log any."""
    if not state.own_loop:
        return quantity.known(state)
    return any(
        training_points(quantity, trace, "steps", 1) or held_out_points(quantity, trace, "steps")
        for trace in traces_of(state, ascii_only=False)
    )


def training_points(quantity: Quantity, trace: Trace, axis: XAxis, smoothing: int) -> CurvePoints | None:
    """Return the training curve over steps, or over epochs, with its moving average over ``smoothing`` points."""
    if quantity.column is None:
        return _epoch_points(quantity, trace, axis, tuple(trace.model.train), smoothing)
    history = trace.model.progress
    if not len(history):
        return None
    x = x_of_trace(trace, axis, history.column("step"), history.column("t"))
    sign = -1.0 if quantity.is_negated else 1.0
    y = sign * history.column(quantity.column)
    low, high = (sign * history.column(name) for name in quantity.bounds) if quantity.bounds is not None else (y, y)
    points = CurvePoints(x, y, low, high, sign * history.smoothed(quantity.column, smoothing) if smoothing > 1 else y)
    if quantity.column in ALWAYS_KNOWN or not (unknown := np.isnan(y)).any():
        return points
    return None if unknown.all() else CurvePoints(*(values[~unknown] for values in points))


def held_out_points(quantity: Quantity, trace: Trace, axis: XAxis) -> CurvePoints | None:
    """Return the values on held-out images at the end of each epoch."""
    return _epoch_points(quantity, trace, axis, tuple(trace.model.held_out))


def _epoch_points(
    quantity: Quantity, trace: Trace, axis: XAxis, epochs: tuple[Epoch, ...], smoothing: int = 1
) -> CurvePoints | None:
    if quantity.of_epoch is None:
        return None
    known = [(epoch, value) for epoch in epochs if (value := quantity.of_epoch(epoch)) is not None]
    if not known:
        return None
    steps = np.array([epoch.epoch for epoch, _ in known]) * trace.steps_per_epoch
    y = np.array([value for _, value in known], dtype=float)
    x = x_of_trace(trace, axis, steps, np.array([epoch.t for epoch, _ in known]))
    return CurvePoints(x, y, y, y, smoothed(y, smoothing))
