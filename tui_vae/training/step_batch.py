"""Steps that the host sends off together, and what they tell, which stays on the device until it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.adam import rate_type
from tui_vae.training.capture_cache import Graphs, graphs_for
from tui_vae.training.hardware import computing_with
from tui_vae.training.jit_trace import traces_for
from tui_vae.training.step import Step, StepInputs

_STEPS_OF_READ = (10, 50)
"""Steps whose losses are read together, at least and at most: the host never waits for a single step."""

_WORK_OF_READ = 2**28
"""Images times parameters of them all, if they are more than the least: some twenty milliseconds."""

_STEPS_OF_GRAPH = 50
"""To read what they tell and to send off the next costs the host the time of some steps."""

_IMAGES_OF_GRAPH = 12_800
"""At most, but for a single step: the larger the batches, the less it matters what the host does."""

_OF_TRACE = (10, 2**27)
"""Steps of a trace, and images times parameters of all of them if they are several, at most: some ten milliseconds, as
long as a pause may wait. Between two traces, a trainer needs Python's lock; but the longer one is, the longer it takes
to make."""

_OF_THREADS = (5, 2**30)
"""The same of steps that threads take before they hear of the next."""


@dataclass(frozen=True)
class StepSchedule:
    """What is done together.

    Attributes:
        graphs: How steps become one piece of work; ``None`` where they do not.
        at_once: Steps that are that piece at most.
        read: Steps whose losses are read together.
    """

    graphs: Graphs | None
    at_once: int
    read: int


def together(step: Step, *, batch: int, device: torch.device, refused: Callable[[str], None]) -> StepSchedule:
    """What suits a device and steps of this size.

    Args:
        step: Takes one.
        batch: Images of it.
        device: Where it is.
        refused: Told the reason, once, when a device that could do more together does not.
    """
    if graphs := graphs_for(device, refused):
        steps = steps_of_graph(batch)
        return StepSchedule(graphs, steps, steps)
    # What several threads share, they trace themselves, piece by piece.
    traces = None if step.divided else traces_for(device)
    most = _OF_THREADS if step.divided else _OF_TRACE if traces else (1, 0)
    at_once = steps_at_once(batch, step.size, most)
    return StepSchedule(traces, at_once, steps_of_read(batch, step.size, at_once))


def steps_of_graph(batch: int) -> int:
    """Steps, of so many images, that are one graph and are read together."""
    return max(1, min(_STEPS_OF_GRAPH, _IMAGES_OF_GRAPH // batch))


def steps_at_once(batch: int, parameters: int, most: tuple[int, int]) -> int:
    """Steps, of so many images and parameters, that a CPU takes at once, with so many and so much work at most."""
    steps, work = most
    return max(1, min(steps, work // (batch * parameters)))


def steps_of_read(batch: int, parameters: int, at_once: int) -> int:
    """Steps, of so many images and parameters, that are read together: whole groups of so many at once."""
    least, most = _STEPS_OF_READ
    return at_once * max(1, min(most, max(least, _WORK_OF_READ // (batch * parameters))) // at_once)


class StepGroup:
    """Takes groups of steps.

    All that changes from group to group is brought to the same places on the device before the first of its steps:
    which images, the noise, the learning rates. From there on the host has no part in it, and so the steps of a group
    can be one CUDA graph, or one trace. As the noise is drawn outside of it, a generator stands between two groups
    where it would stand after the same steps one by one.

    Args:
        step: Takes one.
        images: All of them, uint8 ``(n, 784)``.
        zdim: The latent dimension.
        batch: The greatest number of images of a step.
        together: What is done together.

    Attributes:
        losses: Of the steps since the last read, ``(together.read,)``.
        sums: Over the images of those steps.
    """

    def __init__(self, step: Step, images: Tensor, zdim: int, *, batch: int, together: StepSchedule) -> None:
        self._take_step, self._images, self._graphs = step, images, together.graphs
        self.losses = torch.zeros(together.read, device=images.device)
        self.sums = DeviceTotals(zdim, images.device)
        self._places = _Places.of(together.at_once, batch, zdim, images.device)
        self._places_of: dict[tuple[int, ...], _Places] = {}

    def take(
        self, order: Tensor, sizes: Sequence[int], rates: Sequence[float], generator: torch.Generator, *, begin: int
    ) -> None:
        """Take the steps of a group.

        Args:
            order: Indices of the images of all of them, int64 ``(sum of sizes,)``.
            sizes: Images of each.
            rates: The learning rate of each.
            generator: Of the reparameterisation noise.
            begin: Steps since the last read.
        """
        key = tuple(sizes)
        # The same tensors for the same sizes: those that were traced are looked at again.
        places = self._places_of.get(key) or self._places_of.setdefault(key, self._places.divided(key))
        places.bring(order, rates, generator)
        work = partial(self._take_step, self._images, places.of_each, self.sums)
        with computing_with(self._take_step.intra_op):
            if self._graphs is None:
                work()
            else:
                self._graphs.do(key, work)
        self.losses[begin : begin + len(sizes)].copy_(places.losses)
        self.sums.count(len(order))


@dataclass(frozen=True)
class _Places:
    """Where steps find what changes from group to group, and leave their losses.

    Attributes:
        order, noise: Of all images.
        rates, losses: Of all steps.
        of_each: The same of each step.
        drawn: Of the noise, what is drawn at once.
    """

    order: Tensor
    noise: Tensor
    rates: Tensor
    losses: Tensor
    of_each: tuple[StepInputs, ...] = ()
    drawn: tuple[Tensor, ...] = ()

    @staticmethod
    def of(steps: int, batch: int, zdim: int, device: torch.device) -> _Places:
        """For as many steps at most, of as many images at most."""
        return _Places(
            order=torch.zeros(steps * batch, dtype=torch.int64, device=device),
            noise=torch.zeros(steps * batch, zdim, device=device),
            rates=torch.zeros(steps, dtype=rate_type(device), device=device),
            losses=torch.zeros(steps, device=device),
        )

    def divided(self, sizes: Sequence[int]) -> _Places:
        """As much of them as steps of these sizes need."""
        order, noise = (of[: sum(sizes)] for of in (self.order, self.noise))
        rates, losses = (of[: len(sizes)] for of in (self.rates, self.losses))
        orders, noises = (torch.split(of, list(sizes)) for of in (order, noise))
        # From a generator of the CPU, numbers by the sixteen are the same at once as in parts.
        whole = noise.device.type == "cpu" and all(of.numel() % 16 == 0 for of in noises)
        of_each = tuple(map(StepInputs, orders, noises, rates.unbind(), losses.unbind()))
        return _Places(order, noise, rates, losses, of_each, (noise,) if whole else noises)

    def bring(self, order: Tensor, rates: Sequence[float], generator: torch.Generator) -> None:
        """Bring what changes there, and draw the noise."""
        self.order.copy_(order)
        for noise in self.drawn:
            noise.normal_(generator=generator)
        self.rates.copy_(torch.tensor(rates, dtype=self.rates.dtype))
