"""What a training step is: its inputs, its learning rate, and the interface of its two implementations.

:class:`tui_vae.training.general_step.GeneralStep` trains any network by autograd; the one in
:mod:`tui_vae.training.fused` trains fully connected layers, faster. Both keep the same state, so that a checkpoint of
one can be continued by the other, in other bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tui_vae.training.accumulators import DeviceTotals

MAX_LOSS = 2.0**100
"""Nats from which on a loss counts as not finite: gradients overflow long before it does."""

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""The state of Adam for a parameter: first and second moment, and the number of steps taken."""

WARM_UP_FRACTION = 0.1

Work = Callable[[], None]
Capture = Callable[[Work], Work]
"""Runs some work and returns a function that repeats it. Raises RuntimeError if it cannot, with nothing run."""


def rate_dtype(device: torch.device) -> torch.dtype:
    """The type in which Adam's fused kernel reads the learning rate."""
    return torch.float64 if device.type == "cpu" else torch.float32


def learning_rate(schedule: str, peak: float, step: int, steps: int) -> float:
    """Return the learning rate of step ``step`` of ``steps``, counted from 0.

    ``cosine`` rises linearly over the first tenth of the steps, which decides how many latents stay alive, then
    follows half a cosine down to 0 (Loshchilov & Hutter, arXiv:1608.03983, without restarts).

    Where epochs are added, ``steps`` is the new total from then on: the same curve, stretched, continues from where
    ``step`` stands in it. The rate changes at once, to what ``--resume`` with as many ``--epochs`` would continue with,
    and reaches 0 at the new end; on the old curve, the added epochs would be trained at next to nothing.
    """
    if schedule == "constant":
        return peak
    warm_up = max(1, round(WARM_UP_FRACTION * steps))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def kl_weight(beta: float, warm_up: float, epochs: float) -> float:
    """Return the weight of the KL after so many epochs, a part of an epoch counting as such.

    It rises linearly from 0 to ``beta`` over the first ``warm_up`` epochs (arXiv:1602.02282), however many follow:
    epochs that are added change nothing of it.
    """
    return beta * min(1.0, epochs / warm_up) if warm_up else beta


@dataclass(frozen=True)
class StepInputs:
    """The inputs of one step, and the output for its loss.

    Attributes:
        batch: Indices of its images, int64 ``(batch,)``.
        noise: Standard normal ``(batch, zdim)``.
        lr: The learning rate, a scalar of :func:`rate_dtype`.
        loss: Output: mean of -ELBO over the batch with the weights before the step, a scalar.
        pixel_noise: Random bytes by which the images are dequantised, uint8 ``(batch, 784)``; ``None`` if they are not.
        kl_weight: The weight of the KL, a scalar; ``None`` where the objective is the ELBO.
    """

    batch: Tensor
    noise: Tensor
    lr: Tensor
    loss: Tensor
    pixel_noise: Tensor | None = None
    kl_weight: Tensor | None = None

    def like(self) -> StepInputs:
        """Return new tensors of the same shapes, for :meth:`read_from`."""
        optional = (None if one is None else torch.empty_like(one) for one in (self.pixel_noise, self.kl_weight))
        batch, noise, lr, loss = map(torch.empty_like, (self.batch, self.noise, self.lr, self.loss))
        return StepInputs(batch, noise, lr, loss, *optional)

    def read_from(self, other: StepInputs) -> None:
        """Copy what a step reads."""
        self.batch.copy_(other.batch)
        self.noise.copy_(other.noise)
        self.lr.copy_(other.lr)
        if self.pixel_noise is not None and other.pixel_noise is not None:
            self.pixel_noise.copy_(other.pixel_noise)
        if self.kl_weight is not None and other.kl_weight is not None:
            self.kl_weight.copy_(other.kl_weight)


@dataclass(frozen=True)
class GroupLimit:
    """How many steps may be launched together without a pause or a stop in between.

    Attributes:
        steps: Maximum number of steps.
        work: Maximum of images times parameters, summed over the steps, if there are several.
    """

    steps: int
    work: int


class Step(Protocol):
    """Moves the parameters of a model along the gradient of the mean of -ELBO over a batch, by Adam.

    Where its inputs have a weight of the KL, it is that of :meth:`tui_vae.model.ElboTerms.objective` instead.

    Constructed from the model, the type to which the factors of matrix products are rounded (float32: not at all), the
    number of threads, the usual batch size, and the nats of KL that are free in each latent.

    Attributes:
        size: Number of trainable parameters.
        intra_op: Intra-op threads for the calling thread.
        failed: A scalar on the device: 1 from the first loss on whose magnitude is :data:`MAX_LOSS` or more. That step
            and all later ones change nothing, which is decided on the device: the host learns of it when it reads the
            losses, and finds the weights as they were before that step.
        limit: Steps that may be launched together on a device without graphs.
        capture: How they are captured there; ``None`` if they are not.
        may_be_graph: Whether a CUDA graph may hold them.
    """

    size: int
    intra_op: int
    failed: Tensor
    limit: GroupLimit
    capture: Capture | None
    may_be_graph: bool

    def __call__(self, images: Tensor, inputs: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take one step for each of ``inputs`` and add the terms of their ELBO to ``sums``.

        Args:
            images: The training images, uint8 ``(n, 784)``.
            inputs: The inputs of each step.
            sums: The sums over the images of these steps.
        """

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        """Return the weights, and Adam's state named ``PARAMETER.MOMENT``: the tensors that later steps change."""

    def load(self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
