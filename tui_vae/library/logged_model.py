"""One model that a loop of the user's own trains: its steps and epochs, and the events that report them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tui_vae.events import (
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    ModelStatus,
    Parameters,
    Progress,
    Split,
    State,
)
from tui_vae.library.step_values import QUANTITIES, FloatArray, StepValues

SECONDS_BETWEEN_PROGRESS = 0.05
SPARSEST_PROGRESS = 0.5
DENSE_PROGRESS = 10_000
"""The rule of :mod:`tui_vae.training.trainer`: a record is due at most 20 times a second, and less often the longer
the training lasts, so that their number grows with the logarithm of the time."""


@dataclass(frozen=True)
class HeldOut:
    """What a loop measured with the weights at the end of an epoch; ``None`` for what it did not."""

    elbo: float | None = None
    reconstruction: float | None = None
    kl: float | None = None
    kl_per_latent: tuple[float, ...] | None = None
    active_units: int | None = None
    sigma: float | None = None


class LoggedModel:
    """Counts steps and epochs of a model, and emits its events.

    Args:
        name: Of the model.
        parameters: Their numbers, if they are known.
        epochs: Planned epochs, if they are known.
        steps: Planned steps in all, if they are known; else they are taken from the complete epochs.
        emit: Receives the events.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters | None,
        epochs: int | None,
        steps: int | None,
        emit: Callable[[Event], None],
    ) -> None:
        self.name = name
        self.status: ModelStatus | None = None
        self._parameters = parameters
        self._epochs = epochs
        self._steps = self._planned_steps = steps
        self._emit = emit
        self._step = self._epoch = 0
        self._values = StepValues()
        self._images: int | None = None
        self._epoch_sums = np.zeros((2, len(QUANTITIES)))
        self._held_out = HeldOut()
        self._seconds = self._epoch_began = self._rated = 0.0
        self._reported = -math.inf
        self._clock = time.perf_counter()

    @property
    def started(self) -> ModelStarted:
        """The first event of the model."""
        return ModelStarted(model=self.name, hidden=None, parameters=self._parameters, resumed_at_step=None, limit=None)

    @property
    def ended(self) -> bool:
        return self.status in ("finished", "stopped", "failed")

    @property
    def epoch_of_now(self) -> int:
        """The epoch of the present weights: the last complete one, or the next if steps were taken since."""
        return self._epoch + bool(self._values or self._epoch_sums.any())

    def take_step(self, values: tuple[Any, ...], images: int | None, step: int | None) -> None:
        """Count a step; the values are kept, and read when a record is due.

        Raises:
            UsageError: A value is not one number.
        """
        if self.status != "running":
            self.run()
        self._values.add(values)
        self._step = self._step + 1 if step is None else step
        if images is not None:
            self._images = (self._images or 0) + images
        seconds = self._training_seconds()
        if seconds - self._reported >= min(max(seconds / DENSE_PROGRESS, SECONDS_BETWEEN_PROGRESS), SPARSEST_PROGRESS):
            self.report()

    def run(self) -> None:
        """Say that the model trains from now on."""
        self._clock = time.perf_counter()
        self._say("running")

    def pause(self) -> None:
        """Say that the model is paused; the time until it runs again is no time of training."""
        self.report()
        self._training_seconds()
        self._say("paused")

    def end(self, status: ModelStatus, reason: str | None) -> None:
        """Say how the training ended."""
        self._training_seconds()
        self._say(status, reason)

    def report(self) -> None:
        """Emit the progress since the last record, if there is any.

        Raises:
            UsageError: A value was not one number.
        """
        if not self._values:
            return
        rows = self._values.take()
        sums = _sums(rows)
        self._epoch_sums += sums
        loss, reconstruction, kl = _means(sums)
        seconds = self._training_seconds()
        rate = self._images / (seconds - self._rated) if self._images and seconds > self._rated else None
        self._images, self._rated, self._reported = None, seconds, seconds
        self._emit(
            Progress(
                model=self.name,
                epoch=self._epoch + 1,
                step=self._step,
                steps=self._steps,
                loss=np.nan if loss is None else loss,
                loss_min=float(np.fmin.reduce(rows[:, 0])),
                loss_max=float(np.fmax.reduce(rows[:, 0])),
                reconstruction=reconstruction,
                kl=kl,
                images_per_second=rate,
            )
        )

    def finish_epoch(self, held_out: HeldOut) -> None:
        """Emit the means over the steps of an epoch, and what was measured at its end.

        Raises:
            UsageError: A value of a step was not one number.
        """
        self.report()
        if self.status is None:
            self.run()
        self._epoch += 1
        self._held_out = held_out
        seconds = self._training_seconds() - self._epoch_began
        self._epoch_began = self._seconds
        loss, reconstruction, kl = _means(self._epoch_sums)
        self._epoch_sums = np.zeros_like(self._epoch_sums)
        if loss is not None:
            self._emit_epoch("train", HeldOut(-loss, reconstruction, kl), seconds)
        self._emit_epoch("held_out", held_out, seconds)
        if self._planned_steps is None and self._epochs is not None and self._step:
            self._steps = max(self._step, round(self._step * self._epochs / self._epoch))
        if self._epoch == self._epochs:
            self.end("finished", None)

    def result(self, status: ModelStatus) -> ModelResult:
        """The result at the end."""
        held_out = self._held_out
        return ModelResult(
            model=self.name,
            state=status,
            epochs=self._epoch,
            elbo=held_out.elbo,
            reconstruction=held_out.reconstruction,
            kl=held_out.kl,
            active_units=held_out.active_units,
            parameters=self._parameters,
            limit=None,
            seconds=self._seconds,
        )

    def _say(self, status: ModelStatus, reason: str | None = None) -> None:
        self.status = status
        self._emit(State(model=self.name, state=status, reason=reason))

    def _emit_epoch(self, split: Split, measured: HeldOut, seconds: float) -> None:
        self._emit(
            Epoch(
                model=self.name,
                epoch=self._epoch,
                split=split,
                elbo=measured.elbo,
                reconstruction=measured.reconstruction,
                kl=measured.kl,
                kl_per_latent=measured.kl_per_latent,
                active_units=measured.active_units,
                sigma=measured.sigma,
                seconds=seconds,
            )
        )

    def _training_seconds(self) -> float:
        """Return the seconds since the first step, without pauses."""
        if self.status == "running":
            now = time.perf_counter()
            self._seconds += now - self._clock
            self._clock = now
        return self._seconds


def _sums(rows: FloatArray) -> FloatArray:
    """Return the sums of the known values of steps ``(steps, values)``, and their numbers: ``(2, values)``."""
    unknown = np.isnan(rows)
    unknown[:, 0] = False  # a loss that is not a number is lost, and so is the mean
    return np.stack((np.where(unknown, 0, rows).sum(0), (~unknown).sum(0)))


def _means(sums: FloatArray) -> list[float | None]:
    """Return the means of known values by their sums and numbers; ``None`` where there is none."""
    return [total / number if number else None for total, number in zip(*sums.tolist(), strict=True)]
