"""What curves can be drawn of a model, where its values come from, and in which unit they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tui_vae.charts.plotted_models import Trace
from tui_vae.charts.settings import XAxis
from tui_vae.charts.x_axis import x_of_trace
from tui_vae.events import Epoch
from tui_vae.view.numbers import count, nats
from tui_vae.view.series import FloatArray
from tui_vae.view.smoothing import smoothed
from tui_vae.view.state import ModelState, RunState


class History(NamedTuple):
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


def training_points(quantity: Quantity, trace: Trace, axis: XAxis, smoothing: int) -> History | None:
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
    return History(x, y, low, high, sign * history.smoothed(quantity.column, smoothing) if smoothing > 1 else y)


def held_out_points(quantity: Quantity, trace: Trace, axis: XAxis) -> History | None:
    """The values on held-out images, at the end of each epoch."""
    return _epoch_points(quantity, trace, axis, tuple(trace.model.held_out))


def _epoch_points(
    quantity: Quantity, trace: Trace, axis: XAxis, epochs: tuple[Epoch, ...], smoothing: int = 1
) -> History | None:
    if not epochs or quantity.of_epoch is None:
        return None
    steps = np.array([epoch.epoch for epoch in epochs]) * trace.steps_per_epoch
    y = np.array([quantity.of_epoch(epoch) for epoch in epochs], dtype=float)
    x = x_of_trace(trace, axis, steps, np.array([epoch.t for epoch in epochs]))
    return History(x, y, y, y, smoothed(y, smoothing))
