"""Groups of steps that the host launches together; their losses stay on the device until they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from tui_vae.config import PIXELS, TrainConfig
from tui_vae.data.generators import PixelNoise
from tui_vae.errors import TrainingError
from tui_vae.training.accumulators import DeviceTotals, Totals
from tui_vae.training.capture_cache import CaptureCache, graphs_for
from tui_vae.training.hardware import intra_op_threads
from tui_vae.training.step import MAX_LOSS, GroupLimit, Step, StepInputs, rate_dtype

_STEPS_OF_READ = (10, 50)
"""Minimum and maximum number of steps whose losses are read together: the host never waits for a single step."""

_WORK_OF_READ = 2**28
"""Images times parameters of all steps that are read together, beyond the minimum: some twenty milliseconds."""

_STEPS_OF_GRAPH = 50
"""Reading the losses and launching the next graph costs the host the time of some steps."""

_IMAGES_OF_GRAPH = 12_800
"""Maximum number of images in a graph of several steps: with larger batches, the host's share matters less."""


@dataclass(frozen=True)
class EpochInputs:
    """What the steps of an epoch are given.

    Attributes:
        order: The order of the images, int64 ``(n,)``.
        rate: Returns the learning rate of a step, by its number.
        pixel_noise: That of the images in this order, where they are dequantised.
        kl_weight: Returns the weight of the KL at an image of the epoch, where the objective is not the ELBO.
    """

    order: Tensor
    rate: Callable[[int], float]
    pixel_noise: PixelNoise | None = None
    kl_weight: Callable[[int], float] | None = None


@dataclass(frozen=True)
class StepSchedule:
    """How steps are launched and read.

    Attributes:
        captures: How a group becomes one piece of work; ``None`` if it does not.
        at_once: Maximum number of steps in a group.
        read: Number of steps whose losses are read together.
    """

    captures: CaptureCache | None
    at_once: int
    read: int


def schedule_for(
    step: Step, *, batch: int, device: torch.device, on_capture_failed: Callable[[str], None]
) -> StepSchedule:
    """Return what suits a device and steps of this size.

    Args:
        step: The step.
        batch: Its number of images.
        device: Its device.
        on_capture_failed: Called with the reason, once, if the device has graphs but cannot capture these steps.
    """
    if step.may_be_graph and (graphs := graphs_for(device, on_capture_failed)):
        steps = steps_of_graph(batch)
        return StepSchedule(graphs, steps, steps)
    at_once = steps_at_once(batch, step.size, step.limit)
    captures = CaptureCache(step.capture) if step.capture else None
    return StepSchedule(captures, at_once, steps_of_read(batch, step.size, at_once))


def steps_of_graph(batch: int) -> int:
    """Return how many steps, of so many images, form one graph and are read together."""
    return max(1, min(_STEPS_OF_GRAPH, _IMAGES_OF_GRAPH // batch))


def steps_at_once(batch: int, parameters: int, limit: GroupLimit) -> int:
    """Return how many steps, of so many images and parameters, form a group on a device without graphs."""
    return max(1, min(limit.steps, limit.work // (batch * parameters)))


def steps_of_read(batch: int, parameters: int, at_once: int) -> int:
    """Return how many steps, of so many images and parameters, are read together: whole groups of ``at_once``."""
    least, most = _STEPS_OF_READ
    return at_once * max(1, min(most, max(least, _WORK_OF_READ // (batch * parameters))) // at_once)


class StepGroup:
    """Takes groups of steps.

    Indices of images, noise of z and of pixels, and learning rates of a group are copied to the same tensors on the
    device before its first step. From there on the host has no part in it, so that the group can be one CUDA graph or
    one trace. The noise is drawn outside of it, so that a generator's state between two groups is that after the same
    steps one by one.

    Args:
        step: Takes one step.
        images: The training images, uint8 ``(n, 784)``.
        zdim: The latent dimension.
        batch: Maximum number of images in a step.
        schedule: How steps are launched and read.
        dequantize: Whether the images are dequantised.
        weighted: Whether the KL has a weight.

    Attributes:
        losses: The losses of the steps since the last read, ``(schedule.read,)``.
        sums: The sums over the images of those steps.
    """

    def __init__(
        self,
        step: Step,
        images: Tensor,
        zdim: int,
        *,
        batch: int,
        schedule: StepSchedule,
        dequantize: bool = False,
        weighted: bool = False,
    ) -> None:
        self._take_step, self._images, self._captures = step, images, schedule.captures
        self.losses = torch.zeros(schedule.read, device=images.device)
        self.sums = DeviceTotals(zdim, images.device)
        self._inputs = _GroupInputs.allocate(
            schedule.at_once, batch, zdim, images.device, dequantize=dequantize, weighted=weighted
        )
        self._inputs_of: dict[tuple[int, ...], _GroupInputs] = {}

    def take(
        self,
        order: Tensor,
        sizes: Sequence[int],
        rates: Sequence[float],
        generator: torch.Generator,
        pixel_noise: Callable[[Tensor], object] | None = None,
        kl_weights: Sequence[float] = (),
        *,
        begin: int,
    ) -> None:
        """Take the steps of a group.

        Args:
            order: Indices of the images of all steps, int64 ``(sum of sizes,)``.
            sizes: Number of images of each step.
            rates: Learning rate of each step.
            generator: Draws the reparameterisation noise.
            pixel_noise: Writes the random bytes of all steps, where images are dequantised.
            kl_weights: Weight of the KL of each step, where it has one.
            begin: Number of steps since the last read.
        """
        key = tuple(sizes)
        # A capture reads the tensors that it was made with: the same ones for the same sizes.
        inputs = self._inputs_of.get(key) or self._inputs_of.setdefault(key, self._inputs.divided(key))
        inputs.fill(order, rates, generator, pixel_noise, kl_weights)
        work = partial(self._take_step, self._images, inputs.of_each, self.sums)
        with intra_op_threads(self._take_step.intra_op):
            if self._captures is None:
                work()
            else:
                self._captures.run(key, work)
        self.losses[begin : begin + len(sizes)].copy_(inputs.losses)
        self.sums.count(len(order))


class StepRunner:
    """Takes the steps of a model's training, and reads their losses once in several groups.

    Args:
        step: Takes one step.
        images: The training images, uint8 ``(n, 784)``.
        config: The resolved configuration.
        noise: The generator of the reparameterisation noise.
        on_capture_failed: Called with the reason, once, if the device has graphs but cannot capture the steps.

    Attributes:
        step: Number of steps done.
        position: Number of images of the present epoch that were trained on.
        noise: As above.
        sums: The sums over the images of the steps since the last read.
    """

    def __init__(
        self,
        step: Step,
        images: Tensor,
        config: TrainConfig,
        noise: torch.Generator,
        on_capture_failed: Callable[[str], None],
    ) -> None:
        self._take_step, self._images, self._config = step, len(images), config
        size = min(config.batch_size, len(images))
        self._schedule = schedule_for(step, batch=size, device=images.device, on_capture_failed=on_capture_failed)
        self._group = StepGroup(
            step,
            images,
            config.zdim,
            batch=size,
            schedule=self._schedule,
            dequantize=config.dequantize,
            weighted=config.weighs_kl,
        )
        self.sums = self._group.sums
        self.step = self.position = self._unread = 0
        self.noise = noise
        self._snapshot()

    @property
    def full(self) -> bool:
        """Whether as many steps are unread as are read together."""
        return self._unread == self._schedule.read

    def resume(self, step: int, position: int, noise: torch.Generator, sums: Totals, losses: Sequence[float]) -> bool:
        """Continue after so many steps and images, with these sums and losses of steps that were not read.

        Returns:
            Whether they are still to be read. If not, because fewer steps are read together with another batch size,
            the caller counts them.
        """
        self.step, self.position, self.noise = step, position, noise
        fits = len(losses) < self._schedule.read
        if fits:
            self.sums.put(sums)
            self._unread = len(losses)
            self._group.losses[: self._unread] = torch.tensor(losses)
        self._snapshot()
        return fits

    def start_epoch(self) -> None:
        """Start at the first image again, when all steps are read."""
        self.position = 0
        self._snapshot()

    def take(self, epoch: EpochInputs) -> None:
        """Take the next group of steps of an epoch."""
        order = epoch.order
        size, left = self._config.batch_size, len(order) - self.position
        most = min(self._schedule.at_once, self._schedule.read - self._unread)
        sizes = [min(size, left - first) for first in range(0, min(left, most * size), size)]
        rates = [epoch.rate(step) for step in range(self.step, self.step + len(sizes))]
        weight, end = epoch.kl_weight, self.position + sum(sizes)
        weights = [weight(self.position + size * index) for index in range(len(sizes))] if weight is not None else ()
        write = None if epoch.pixel_noise is None else partial(epoch.pixel_noise.write, self.position)
        self._group.take(order[self.position : end], sizes, rates, self.noise, write, weights, begin=self._unread)
        self._unread += len(sizes)
        self.step += len(sizes)
        self.position = end

    def read(self) -> tuple[Totals, list[float]]:
        """Return the sums and losses of the steps since the last read.

        Raises:
            TrainingError: As of :meth:`losses`.
        """
        losses = self.losses()
        sums = self.sums.take()
        self._unread = 0
        self._snapshot()
        return sums, losses

    def losses(self) -> list[float]:
        """Return the losses since the last read, which stay unread.

        Raises:
            TrainingError: One of them is :data:`MAX_LOSS`. Everything is as it was before that step.
        """
        losses: list[float] = self._group.losses[: self._unread].tolist()
        bad = next((index for index, loss in enumerate(losses) if not abs(loss) < MAX_LOSS), None)
        if bad is None:
            return losses
        self._rewind(bad)
        raise TrainingError(
            f"the loss became {losses[bad]:g} at step {self.step + 1}; the weights are those of step {self.step}"
        )

    def _snapshot(self) -> None:
        """Remember the state before the steps that will be read together."""
        self._marked = (self.noise.get_state(), self.position, self._unread)

    def _rewind(self, steps: int) -> None:
        """Restore the state after so many steps since the last read: a resumed model repeats the failed step."""
        self.step += steps - self._unread
        state, self.position, before = self._marked
        self.noise.set_state(state)
        for _ in range(steps - before):
            batch = min(self._config.batch_size, self._images - self.position)
            torch.randn(batch, self._config.zdim, generator=self.noise, device=self._group.losses.device)
            self.position += batch
        # Their sums cannot be separated from those of the failed steps; the means of the epoch do without them.
        self._unread = 0
        self.sums.clear()
        self._take_step.failed.zero_()


@dataclass(frozen=True)
class _GroupInputs:
    """The tensors that the steps of a group read, and those that they leave their losses in.

    Attributes:
        order, noise, pixel_noise: Of all images.
        rates, losses, kl_weights: Of all steps.
        of_each: Views of the same, one for each step.
        drawn: Views of the noise, each of which is drawn in one call.
    """

    order: Tensor
    noise: Tensor
    rates: Tensor
    losses: Tensor
    pixel_noise: Tensor | None = None
    kl_weights: Tensor | None = None
    of_each: tuple[StepInputs, ...] = ()
    drawn: tuple[Tensor, ...] = ()

    @staticmethod
    def allocate(
        steps: int, batch: int, zdim: int, device: torch.device, *, dequantize: bool, weighted: bool
    ) -> _GroupInputs:
        """Allocate them for at most so many steps of at most so many images."""
        return _GroupInputs(
            order=torch.zeros(steps * batch, dtype=torch.int64, device=device),
            noise=torch.zeros(steps * batch, zdim, device=device),
            rates=torch.zeros(steps, dtype=rate_dtype(device), device=device),
            losses=torch.zeros(steps, device=device),
            pixel_noise=torch.zeros(steps * batch, PIXELS, dtype=torch.uint8, device=device) if dequantize else None,
            kl_weights=torch.zeros(steps, device=device) if weighted else None,
        )

    def divided(self, sizes: Sequence[int]) -> _GroupInputs:
        """Return views of what steps of these sizes need."""
        order, noise = (tensor[: sum(sizes)] for tensor in (self.order, self.noise))
        rates, losses = (tensor[: len(sizes)] for tensor in (self.rates, self.losses))
        orders, noises = (torch.split(tensor, list(sizes)) for tensor in (order, noise))
        # A generator on the CPU draws multiples of sixteen numbers alike in one call and in several.
        in_one_call = noise.device.type == "cpu" and all(part.numel() % 16 == 0 for part in noises)
        pixel_noise = None if self.pixel_noise is None else self.pixel_noise[: sum(sizes)]
        of_pixels = [None] * len(sizes) if pixel_noise is None else torch.split(pixel_noise, list(sizes))
        kl_weights = None if self.kl_weights is None else self.kl_weights[: len(sizes)]
        of_kl = [None] * len(sizes) if kl_weights is None else kl_weights.unbind()
        of_each = tuple(map(StepInputs, orders, noises, rates.unbind(), losses.unbind(), of_pixels, of_kl))
        drawn = (noise,) if in_one_call else noises
        return _GroupInputs(order, noise, rates, losses, pixel_noise, kl_weights, of_each, drawn)

    def fill(
        self,
        order: Tensor,
        rates: Sequence[float],
        generator: torch.Generator,
        pixel_noise: Callable[[Tensor], object] | None,
        kl_weights: Sequence[float],
    ) -> None:
        """Copy the indices and learning rates, and draw the noise."""
        if self.pixel_noise is not None and pixel_noise is not None:
            pixel_noise(self.pixel_noise)
        if self.kl_weights is not None:
            self.kl_weights.copy_(torch.tensor(kl_weights))
        self.order.copy_(order)
        for noise in self.drawn:
            noise.normal_(generator=generator)
        self.rates.copy_(torch.tensor(rates, dtype=self.rates.dtype))
