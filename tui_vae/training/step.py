"""One training step of a model, its batch divided over threads that meet only twice.

Products with several threads of their own wait for each other at every layer. Here each thread takes a part of the
batch through all layers and back, and then a slice of the parameters through the optimiser: twice a step they wait,
asleep, so that a machine with other work slows them by no more than its share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from tui_vae.model import VAE
from tui_vae.training.adam import Adam
from tui_vae.training.gradient import NegativeElbo, StepSums, copy
from tui_vae.training.hardware import use_threads
from tui_vae.training.parameters import FlatParameters

Result = TypeVar("Result")

_LEAST_IMAGES = 32
"""Of a part: products with fewer rows are slow."""


def parts_of(threads: int, batch: int, device_type: str) -> int:
    """Into how many parts a batch is divided; what a graphics card has is no threads of ours."""
    return max(1, min(threads, batch // _LEAST_IMAGES)) if device_type == "cpu" else 1


class Step:
    """Moves the parameters of a model along the gradient of the mean of -ELBO over a batch, by Adam.

    Args:
        vae: The model; its parameters become views of one tensor.
        dtype: Of the matrix products: float32, or what their factors are rounded to.
        threads: That may work on it; the number decides how sums are rounded.
        batch: The usual number of images.

    ``failed`` is a scalar on the device: 1 from the first loss on that was not finite. All steps from that one on
    change nothing, which is decided on the device: the host learns of it when it reads the losses, and finds the
    weights as they were before that step.
    """

    def __init__(self, vae: VAE, dtype: torch.dtype, *, threads: int, batch: int) -> None:
        self._vae = vae
        self._parameters = parameters = FlatParameters(vae)
        device = parameters.values.device
        parts = parts_of(threads, batch, device.type)
        self._gradient = gradient = NegativeElbo(vae, parameters, dtype, parts)
        self._adam = Adam(parameters, gradient.slices)
        self._slices = [_Slice.of(parameters, gradient, where) for where in gradient.slices]
        self.failed = torch.zeros((), device=device)
        self._run_all = _in_threads(parts, max(1, threads // parts))

    @torch.no_grad()
    def __call__(self, images: Tensor, batch: Tensor, noise: Tensor, lr: float) -> StepSums:
        """Take a step.

        Args:
            images: All of them, uint8 ``(n, 784)``.
            batch: Indices of those of this step, int64 ``(batch,)``.
            noise: Standard normal ``(batch, zdim)``.
            lr: The learning rate.

        Returns:
            What the step tells, of the weights before it.
        """
        self._gradient.prepare(len(batch))
        sums = _added(self._run_all(lambda part: self._gradient.propagate(part, images, batch, noise)))
        torch.maximum(self.failed, (~torch.isfinite(sums.loss)).float(), out=self.failed)
        self._run_all(lambda part: self._move(part, len(batch), sums.log_sigma_gradient, lr))
        return sums

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weights and what the optimiser knows of them: the tensors themselves, which later steps change."""
        return self._vae.state_dict(), self._adam.state()

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        self._vae.load_state_dict(weights)
        self._adam.load(optimizer)
        copy(self._parameters.values, self._gradient.weights)

    @torch.no_grad()
    def _move(self, part: int, batch: int, log_sigma_gradient: Tensor, lr: float) -> None:
        """Move the parameters of a slice, while its gradients are still in this thread's cache."""
        of = self._slices[part]
        self._gradient.differentiate(part, batch)
        copy(of.rounded_gradients, of.gradients)
        if of.log_sigma_gradient is not None:
            of.log_sigma_gradient.copy_(log_sigma_gradient)
        self._adam.step(lr, self.failed, part)
        copy(of.values, of.weights)


@dataclass(frozen=True)
class _Slice:
    """Views of the same part of several flat tensors: of parameters and gradients, and both as the products have them.

    ``log_sigma_gradient`` is where that of the decoder's log sigma is, if it is here.
    """

    values: Tensor
    weights: Tensor
    gradients: Tensor
    rounded_gradients: Tensor
    log_sigma_gradient: Tensor | None

    @staticmethod
    def of(parameters: FlatParameters, gradient: NegativeElbo, where: slice) -> _Slice:
        log_sigma = parameters.start_of("decoder.log_sigma")
        here = log_sigma is not None and where.start <= log_sigma < where.stop
        return _Slice(
            values=parameters.values[where],
            weights=gradient.weights[where],
            gradients=parameters.gradients[where],
            rounded_gradients=gradient.gradients[where],
            log_sigma_gradient=parameters.gradients[log_sigma] if here else None,
        )


def _in_threads(count: int, intra_op: int) -> Callable[[Callable[[int], Result]], list[Result]]:
    """What calls a function for each of the numbers below ``count``, each in a thread of its own.

    The calling thread does it itself where there is one only; the others compute with ``intra_op`` threads each.
    """
    if count == 1:
        return lambda work: [work(0)]
    pool = ThreadPoolExecutor(count, "part of a batch", initializer=use_threads, initargs=(intra_op,))
    return lambda work: list(pool.map(work, range(count)))


def _added(parts: list[StepSums]) -> StepSums:
    if len(parts) == 1:
        return parts[0]
    return StepSums(
        loss=torch.stack([part.loss for part in parts]).sum(),
        reconstruction=torch.stack([part.reconstruction for part in parts]).sum(),
        latents=torch.stack([part.latents for part in parts]).sum(0),
        log_sigma_gradient=torch.stack([part.log_sigma_gradient for part in parts]).sum(),
    )
