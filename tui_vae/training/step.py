"""Training steps of a model, their batches divided over threads that meet twice a step.

Products with several threads of their own wait for each other at every layer. Here each thread takes a part of the
batch through all layers and back, meets the others, takes a slice of the parameters through the optimiser, and meets
them again; of all steps that it is given it goes on to the next by itself. They wait asleep, so that a machine with
other work slows them by no more than its share.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Barrier, BrokenBarrierError

import torch
from torch import Tensor

from tui_vae.model import VAE
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.adam import Adam
from tui_vae.training.capture_cache import Work
from tui_vae.training.flat_parameters import FlatParameters
from tui_vae.training.gradient import NegativeElbo, copy
from tui_vae.training.hardware import use_threads
from tui_vae.training.jit_trace import traces_for

_LEAST_IMAGES = 32
"""Of a part: products with fewer rows are slow."""

_LEAST_WORK = 12_000_000
"""Images times parameters of a thread: where two have less, meeting each other takes as long as they save."""


LOST = 2.0**100
"""Nats from which on a loss counts as not finite: gradients overflow long before it does."""

_BEYOND = 2.0**28
"""By which a loss overflows single precision if and only if it is lost: times a power of two, nothing is rounded."""


def divided(threads: int, batch: int, parameters: int, device_type: str) -> tuple[int, int]:
    """Into how many parts a batch is divided, and the threads of each; what a graphics card has is no threads of ours.

    Args:
        threads: That there are.
        batch: Images.
        parameters: Of the model.
        device_type: Where it is.
    """
    if device_type != "cpu":
        return 1, 1
    useful = max(1, min(threads, batch * parameters // _LEAST_WORK))
    parts = max(1, min(useful, batch // _LEAST_IMAGES))
    return parts, useful // parts


@dataclass(frozen=True)
class StepInputs:
    """Where a step finds what it is given, and leaves its loss.

    Attributes:
        batch: Indices of its images, int64 ``(batch,)``.
        noise: Standard normal ``(batch, zdim)``.
        lr: The learning rate, as :class:`Adam` takes it.
        loss: Mean of -ELBO over the batch, a scalar, with the weights before the step.
    """

    batch: Tensor
    noise: Tensor
    lr: Tensor
    loss: Tensor


class Step:
    """Moves the parameters of a model along the gradient of the mean of -ELBO over a batch, by Adam.

    Args:
        vae: The model; its parameters become views of one tensor.
        dtype: Of the matrix products: float32, or what their factors are rounded to.
        threads: That may work on it; the number decides how sums are rounded.
        batch: The usual number of images.

    Attributes:
        divided: Whether several threads share a step; one that is not, its caller can trace whole.
        intra_op: Threads that the calling one is to compute with.
        size: The number of parameters.

    ``failed`` is a scalar on the device: 1 from the first loss on that is :data:`LOST`. All steps from that one on
    change nothing, which is decided on the device: the host learns of it when it reads the losses, and finds the
    weights as they were before that step.
    """

    def __init__(self, vae: VAE, dtype: torch.dtype, *, threads: int, batch: int) -> None:
        self._vae = vae
        self._parameters = parameters = FlatParameters(vae)
        device = parameters.values.device
        self.size = len(parameters.values)
        parts, self.intra_op = divided(threads, batch, self.size, device.type)
        self._gradient = gradient = NegativeElbo(vae, parameters, dtype, parts)
        self._adam = Adam(parameters, gradient.slices)
        self._slices = [_Slice.of(parameters, gradient, where) for where in gradient.slices]
        self.divided = parts > 1
        self._traces = traces_for(device) if self.divided else None
        self._places: dict[int, StepInputs] = {}
        self.failed, self._doubt = torch.zeros(2, device=device).unbind()
        self._parts = parts
        self._pool = ThreadPoolExecutor(
            max(1, parts - 1), "part of a batch", initializer=use_threads, initargs=(self.intra_op,)
        )
        self._beginning = Barrier(parts, action=self._begin)
        self._judging = Barrier(parts, action=self._judge)

    @torch.no_grad()
    def __call__(self, images: Tensor, places: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take some steps.

        Args:
            images: All of them, uint8 ``(n, 784)``.
            places: Of each step.
            sums: Of what the steps tell of their images.
        """
        self._given = iter(places)
        others = [self._pool.submit(self._take_parts, part, images, places, sums) for part in range(1, self._parts)]
        # Whoever broke the meeting says why; the others only that it did not take place.
        with suppress(BrokenBarrierError):
            self._take_parts(0, images, places, sums)
        for other in others:
            with suppress(BrokenBarrierError):
                other.result()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Weights and what the optimiser knows of them: the tensors themselves, which later steps change."""
        return self._vae.state_dict(), self._adam.state()

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        self._vae.load_state_dict(weights)
        self._adam.load(optimizer)
        self._gradient.load(self._parameters.values)

    @torch.no_grad()
    def _take_parts(self, part: int, images: Tensor, places: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take the same part of every step; all threads are at the same step."""
        try:
            for place in places:
                self._take_part(part, images, place, sums)
        except BaseException:
            self._beginning.abort()
            self._judging.abort()
            raise

    def _take_part(self, part: int, images: Tensor, place: StepInputs, sums: DeviceTotals) -> None:
        self._beginning.wait()
        key, here = (part, id(images), len(place.batch)), self._here
        self._do(("propagate", *key), lambda: self._gradient.forward_backward(part, images, here.batch, here.noise))
        self._judging.wait()
        if part == 0:
            place.loss.copy_(self._gradient.told.loss)
            sums.add_sums(self._gradient.told.totals)
        self._do(("move", *key), lambda: self._move(part, here.lr))

    @torch.no_grad()
    def _begin(self) -> None:
        """What one thread does for all when all have moved their parameters."""
        place = next(self._given)
        self._here = self._brought(place) if self._traces else place
        self._gradient.begin(len(place.batch))

    def _brought(self, place: StepInputs) -> StepInputs:
        """The place that is the same for all steps of this size, which are traced so, with what ``place`` gives."""
        size = len(place.batch)
        if size not in self._places:
            self._places[size] = StepInputs(
                *(torch.empty_like(of) for of in (place.batch, place.noise, place.lr, place.loss))
            )
        here = self._places[size]
        here.batch.copy_(place.batch)
        here.noise.copy_(place.noise)
        here.lr.copy_(place.lr)
        return here

    @torch.no_grad()
    def _judge(self) -> None:
        """What one thread does for all when all parts were propagated."""
        self._do(("judge", len(self._here.batch)), self._sum_up)

    def _sum_up(self) -> None:
        """Sum up, and judge whether to move at all."""
        self._gradient.sum_up()
        # 0, or what is not a number where the loss is lost, which counts as true.
        torch.mul(self._gradient.told.loss, _BEYOND, out=self._doubt)
        self.failed.logical_or_(self._doubt.sub_(self._doubt))

    def _do(self, key: Hashable, work: Work) -> None:
        """Do what is the same for the same key."""
        if self._traces:
            self._traces.do(key, work)
        else:
            work()

    def _move(self, part: int, lr: Tensor) -> None:
        """Move the parameters of a slice, while its gradients are still in this thread's cache."""
        of = self._slices[part]
        self._gradient.differentiate(part)
        copy(of.rounded_gradients, of.gradients)
        if of.log_sigma_gradient is not None:
            of.log_sigma_gradient.copy_(self._gradient.log_sigma_gradient)
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
