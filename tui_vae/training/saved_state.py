"""The complete state of a trainer, for checkpoints.

Weights and the optimiser's moments stay tensors; everything else is plain JSON. A trainer that continues from a saved
state gives, with the same step, device, precision and number of threads, the same bits as the one that was saved.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tui_vae.codec import convert, to_builtins
from tui_vae.config import Plan, TrainConfig
from tui_vae.errors import EventError, RunStoreError
from tui_vae.model import VAE
from tui_vae.training.accumulators import Totals, Window
from tui_vae.training.step import MOMENTS


@dataclass(frozen=True)
class SavedTotals:
    """:class:`Totals` as plain numbers; ``latents`` is ``(3, zdim)``."""

    images: int
    reconstruction: float
    latents: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, totals: Totals) -> SavedTotals:
        return cls(totals.images, totals.reconstruction, tuple(tuple(row) for row in totals.latents.tolist()))

    def totals(self) -> Totals:
        totals = Totals(len(self.latents[0]))
        totals.images, totals.reconstruction = self.images, self.reconstruction
        totals.latents += torch.tensor(self.latents, dtype=torch.float64)
        return totals


@dataclass(frozen=True)
class SavedWindow:
    """:class:`Window` as plain numbers; least and greatest loss are null while it is empty."""

    totals: SavedTotals
    loss_min: float | None
    loss_max: float | None

    @classmethod
    def of(cls, window: Window) -> SavedWindow:
        empty = window.loss_min > window.loss_max
        least, greatest = (None, None) if empty else (window.loss_min, window.loss_max)
        return cls(SavedTotals.of(window.totals), least, greatest)

    def window(self) -> Window:
        if self.loss_min is None or self.loss_max is None:
            return Window(self.totals.totals())
        return Window(self.totals.totals(), self.loss_min, self.loss_max)


@dataclass(frozen=True)
class SavedGenerator:
    """The state of a ``torch.Generator``, which only devices of the same type can use."""

    device_type: str
    state: str

    @classmethod
    def of(cls, generator: torch.Generator) -> SavedGenerator:
        state = base64.b64encode(generator.get_state().numpy().tobytes()).decode()
        return cls(generator.device.type, state)

    def restore(self, generator: torch.Generator) -> bool:
        """Give ``generator`` the saved state; return False if it is of another type of device.

        Raises:
            RunStoreError: The state is not valid.
        """
        if self.device_type != generator.device.type:
            return False
        try:
            content = base64.b64decode(self.state, validate=True)
            generator.set_state(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        except (binascii.Error, RuntimeError, TypeError, ValueError) as error:
            raise RunStoreError("the checkpoint's state of a generator is not valid") from error
        return True


@dataclass(frozen=True)
class SavedSchedule:
    """The schedule of the learning rate, for readers of the file: it follows from the configuration and the step."""

    name: str
    peak: float
    steps: int


@dataclass(frozen=True)
class TrainerProgress:
    """The progress of a trainer.

    Attributes:
        step: Steps done.
        epoch: Epochs completed, including their validation.
        position: Images of the present epoch that were trained on.
        seconds: Seconds of training, without pauses.
        epoch_began: ``seconds`` at the start of the present epoch.
        reported: ``seconds`` at the last progress event.
        totals: Sums over the present epoch, up to the last read of the device.
        window: Sums since the last progress event, up to the last read of the device.
        unread: Sums on the device since that read, and ``losses`` of those steps.
        held_out: Sums over the held-out images after the last completed epoch.
        best: The greatest held-out ELBO so far, of epoch ``best_epoch``.
        noise: The generator of the reparameterisation noise.
        plan: Epochs and learning rate with all changes; older checkpoints lack it.
        networks: The generators from which networks of the user's own draw.
    """

    step: int
    epoch: int
    position: int
    seconds: float
    epoch_began: float
    reported: float
    totals: SavedTotals
    window: SavedWindow
    unread: SavedTotals
    losses: tuple[float, ...]
    held_out: SavedTotals | None
    best: float | None
    best_epoch: int | None
    schedule: SavedSchedule
    noise: SavedGenerator
    plan: Plan | None = None
    networks: tuple[SavedGenerator, ...] = ()

    def plan_with(self, config: TrainConfig) -> Plan:
        """Return the plan of a model that continues from here with this configuration."""
        return Plan.of(config) if self.plan is None else self.plan.continued(config)


@dataclass(frozen=True)
class SavedState:
    """The saved state of a model's training.

    Attributes:
        weights: ``VAE.weights()``, on the CPU.
        optimizer: The state of Adam, named ``PARAMETER.MOMENT``, on the CPU.
        course: The progress of the trainer.
    """

    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    course: TrainerProgress

    def to_json(self) -> dict[str, Any]:
        """Return the progress as plain JSON values."""
        values: dict[str, Any] = to_builtins(self.course)
        return values

    @classmethod
    def restored(
        cls, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor], course: Mapping[str, Any]
    ) -> SavedState:
        """Restore a state from its tensors and :meth:`to_json`.

        Raises:
            RunStoreError: The progress is not of this version.
        """
        try:
            return cls(weights, optimizer, convert(dict(course), TrainerProgress))
        except EventError as error:
            raise RunStoreError(f"the checkpoint cannot be used: {error}") from error

    def check(self, vae: VAE, config: TrainConfig, images: int) -> None:
        """Check that this is a state of such a model in a run of this configuration, trained on so many images.

        Raises:
            RunStoreError: Tensors of other names, shapes or types, or an impossible position.
        """
        parameters = {name: p for name, p in vae.named_parameters() if p.requires_grad}
        expected = {f"{name}.{moment}": p.shape for name, p in parameters.items() for moment in MOMENTS[:2]}
        expected |= {f"{name}.step": torch.Size() for name in parameters}
        _check_tensors(self.weights, {name: (tensor.shape, tensor.dtype) for name, tensor in vae.weights().items()})
        _check_tensors(self.optimizer, {name: (shape, torch.float32) for name, shape in expected.items()})
        course = self.course
        sums = [course.totals, course.window.totals, course.unread, *([course.held_out] if course.held_out else [])]
        if any([len(row) for row in total.latents] != [config.zdim] * 3 for total in sums):
            raise RunStoreError("the checkpoint is of another --zdim than the run")
        whole = 0 <= course.position <= images and min(course.step, course.epoch) >= 0
        if not whole or not all(math.isfinite(seconds) for seconds in (course.seconds, course.epoch_began)):
            raise RunStoreError(f"the checkpoint stands at step {course.step}, image {course.position}: that cannot be")
        if course.plan is not None and not (course.plan.epochs >= 1 and 0 < course.plan.lr < math.inf):
            raise RunStoreError(
                f"the checkpoint is to train {course.plan.epochs} epochs at {course.plan.lr:g}: cannot be"
            )
        course.noise.restore(torch.Generator())
        for stream in course.networks:
            stream.restore(torch.Generator())


def _check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[torch.Size, torch.dtype]]) -> None:
    if tensors.keys() != expected.keys():
        odd = sorted(tensors.keys() ^ expected.keys())[0]
        raise RunStoreError(f"the checkpoint does not fit the model: {odd[:80]!a} is in only one of them")
    for name, tensor in tensors.items():
        shape, dtype = expected[name]
        if tensor.shape != shape or tensor.dtype != dtype:
            found = f"{tensor.dtype} {tuple(tensor.shape)}"
            raise RunStoreError(f"the checkpoint does not fit the model: {name} is {found}, not {dtype} {tuple(shape)}")


def copied(tensor: Tensor) -> Tensor:
    """Return a copy on the CPU, which later steps do not change."""
    return tensor.detach().to("cpu", copy=True).contiguous()
