"""The fused step: threads that share each batch and meet twice a step."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Barrier, BrokenBarrierError

import torch
from torch import Tensor

from tui_vae.errors import TrainingError
from tui_vae.model import VAE
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.capture_cache import CaptureCache
from tui_vae.training.fused import torchscript
from tui_vae.training.fused.adam import Adam
from tui_vae.training.fused.flat_parameters import FlatParameters
from tui_vae.training.fused.gradient import NegativeElbo, check_layers, copy
from tui_vae.training.hardware import use_threads
from tui_vae.training.step import MAX_LOSS, GroupLimit, StepInputs, Work

_LEAST_IMAGES = 32
"""Minimum number of images in a part of a batch: products with fewer rows are slow."""

_LEAST_WORK = 12_000_000
"""Minimum of images times parameters for a thread: below it, the barriers take as long as the second thread saves."""

_UNCAPTURED = GroupLimit(steps=1, work=0)
_OF_TRACE = GroupLimit(steps=10, work=2**27)
"""Some ten milliseconds, as long as a pause may wait. Between two traces a trainer needs Python's lock, but a longer
trace takes longer to make."""
_OF_THREADS = GroupLimit(steps=5, work=2**30)

_OVERFLOW = 2.0**128 / MAX_LOSS
"""A loss times this overflows single precision exactly if it is :data:`MAX_LOSS`: a power of two rounds nothing."""


def split_threads(threads: int, batch: int, parameters: int, device_type: str) -> tuple[int, int]:
    """Return the number of parts of a batch, and the intra-op threads for each.

    Args:
        threads: Threads that are available.
        batch: Number of images.
        parameters: Number of parameters of the model.
        device_type: The type of its device; only the CPU computes with threads of ours.
    """
    if device_type != "cpu":
        return 1, 1
    useful = max(1, min(threads, batch * parameters // _LEAST_WORK))
    parts = max(1, min(useful, batch // _LEAST_IMAGES))
    return parts, useful // parts


class FusedStep:
    """A :class:`tui_vae.training.step.Step` for fully connected layers with ReLU between them.

    Args:
        vae: The model; its parameters become views of one tensor.
        dtype: To which the factors of matrix products are rounded; float32 rounds nothing.
        threads: Threads that may share a step. Their number decides how sums are rounded.
        batch: The usual batch size.
        free_bits: Nats of KL that are free in each latent: where there are any, threads meet once more.

    Raises:
        TrainingError: The model has other layers.
    """

    def __init__(self, vae: VAE, dtype: torch.dtype, *, threads: int, batch: int, free_bits: float = 0.0) -> None:
        if obstacle := check_layers(vae):
            raise TrainingError(f"--step fused trains fully connected layers only, not {obstacle}; use --step general")
        self._vae = vae
        self._parameters = parameters = FlatParameters(vae)
        device = parameters.values.device
        self.size = len(parameters.values)
        parts, self.intra_op = split_threads(threads, batch, self.size, device.type)
        self._gradient = gradient = NegativeElbo(vae, parameters, dtype, parts, free_bits)
        self._adam = Adam(parameters, gradient.slices)
        self._slices = [_Slice.of(parameters, gradient, rows) for rows in gradient.slices]
        self.failed, self._check_loss = torch.zeros(2, device=device).unbind()
        self._parts = parts
        # A step of one part is traced by its caller, several steps at a time; parts are traced here, piece by piece.
        tracer = torchscript.tracer(device)
        self.capture = tracer if parts == 1 else None
        self.may_be_graph = True
        self.limit = _OF_THREADS if parts > 1 else _OF_TRACE if tracer else _UNCAPTURED
        self._traces = CaptureCache(tracer) if tracer and parts > 1 else None
        self._traced_inputs: dict[int, StepInputs] = {}
        self._pool = ThreadPoolExecutor(
            max(1, parts - 1), "part of a batch", initializer=use_threads, initargs=(self.intra_op,)
        )
        self._before_step = Barrier(parts, action=self._begin)
        self._after_backward = Barrier(parts, action=self._sum_up)
        self._after_phase = [
            Barrier(parts, action=partial(self._reduce, index)) for index in range(len(gradient.phases) - 1)
        ]

    @torch.no_grad()
    def __call__(self, images: Tensor, inputs: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take one step for each of ``inputs``; see :meth:`tui_vae.training.step.Step.__call__`."""
        self._next_inputs = iter(inputs)
        others = [self._pool.submit(self._take_parts, part, images, inputs, sums) for part in range(1, self._parts)]
        # Re-raise the first failure; ignore BrokenBarrierError in the others.
        with suppress(BrokenBarrierError):
            self._take_parts(0, images, inputs, sums)
        for other in others:
            with suppress(BrokenBarrierError):
                other.result()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the weights, and Adam's state named ``PARAMETER.MOMENT``: the tensors that later steps change."""
        return self._vae.state_dict(), self._adam.state()

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        self._vae.load_state_dict(weights)
        self._adam.load(optimizer)
        self._gradient.load(self._parameters.values)

    @torch.no_grad()
    def _take_parts(self, part: int, images: Tensor, inputs: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take the same part of every step; the barriers keep all threads at the same step."""
        try:
            for one in inputs:
                self._take_part(part, images, one, sums)
        except BaseException:
            for barrier in (self._before_step, *self._after_phase, self._after_backward):
                barrier.abort()
            raise

    def _take_part(self, part: int, images: Tensor, given: StepInputs, sums: DeviceTotals) -> None:
        self._before_step.wait()
        current = self._current
        key = (part, id(images), len(given.batch))
        for index, (phase, _) in enumerate(self._gradient.phases):
            self._run(("gradient", index, *key), partial(phase, part, images, current))
            if index < len(self._after_phase):
                self._after_phase[index].wait()
        self._after_backward.wait()
        if part == 0:
            given.loss.copy_(self._gradient.result.loss)
            sums.add_sums(self._gradient.result.totals)
        self._run(("move", *key), lambda: self._update(part, current.lr))

    @torch.no_grad()
    def _begin(self) -> None:
        """Barrier action: runs once before each step, when all threads have moved their parameters."""
        given = next(self._next_inputs)
        self._current = self._copied_for_trace(given) if self._traces else given
        self._gradient.begin(len(given.batch), self._current.kl_weight)

    def _copied_for_trace(self, given: StepInputs) -> StepInputs:
        """Copy the inputs to the tensors that traced steps of this batch size read."""
        size = len(given.batch)
        if size not in self._traced_inputs:
            self._traced_inputs[size] = given.like()
        traced = self._traced_inputs[size]
        traced.read_from(given)
        return traced

    @torch.no_grad()
    def _reduce(self, index: int) -> None:
        """Barrier action: runs once after a phase of the gradient."""
        self._run(("reduce", index, len(self._current.batch)), self._gradient.phases[index][1])

    @torch.no_grad()
    def _sum_up(self) -> None:
        """Barrier action: runs once in each step, when the gradients of all layers' outputs are known."""
        self._run(("sum up", len(self._current.batch)), self._reduce_and_check)

    def _reduce_and_check(self) -> None:
        """Sum up the loss, and mark the step as failed if it is lost."""
        self._gradient.sum_up()
        # x - x is 0 where x is finite and else NaN, which counts as true.
        torch.mul(self._gradient.result.loss, _OVERFLOW, out=self._check_loss)
        self.failed.logical_or_(self._check_loss.sub_(self._check_loss))

    def _run(self, key: Hashable, work: Work) -> None:
        """Run work that is the same for the same key, by its trace where there is one."""
        if self._traces:
            self._traces.run(key, work)
        else:
            work()

    def _update(self, part: int, lr: Tensor) -> None:
        """Move the parameters of a slice while its gradients are still in this thread's cache."""
        own = self._slices[part]
        self._gradient.differentiate(part)
        copy(own.rounded_gradients, own.gradients)
        if own.log_sigma_gradient is not None:
            own.log_sigma_gradient.copy_(self._gradient.log_sigma_gradient)
        self._adam.step(lr, self.failed, part)
        floor = self._vae.decoder.log_sigma_floor
        if own.log_sigma is not None and floor is not None:
            own.log_sigma.clamp_(min=floor)
        copy(own.values, own.weights)


@dataclass(frozen=True)
class _Slice:
    """The same slice of several flat tensors.

    Attributes:
        values, gradients: Of the parameters, in single precision.
        weights, rounded_gradients: The same in the precision of the matrix products.
        log_sigma, log_sigma_gradient: The decoder's log sigma and its gradient, if it is in this slice.
    """

    values: Tensor
    weights: Tensor
    gradients: Tensor
    rounded_gradients: Tensor
    log_sigma: Tensor | None
    log_sigma_gradient: Tensor | None

    @staticmethod
    def of(parameters: FlatParameters, gradient: NegativeElbo, rows: slice) -> _Slice:
        log_sigma = parameters.start_of("decoder.log_sigma")
        inside = log_sigma is not None and rows.start <= log_sigma < rows.stop
        return _Slice(
            values=parameters.values[rows],
            weights=gradient.weights[rows],
            gradients=parameters.gradients[rows],
            rounded_gradients=gradient.gradients[rows],
            log_sigma=parameters.values[log_sigma] if inside else None,
            log_sigma_gradient=parameters.gradients[log_sigma] if inside else None,
        )
