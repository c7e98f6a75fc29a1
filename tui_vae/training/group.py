"""Steps that the host sends off together, and what they tell, which stays on the device until it is read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tui_vae.training.graphs import Graphs
from tui_vae.training.statistics import DeviceTotals
from tui_vae.training.step import Step

_STEPS_OF_GRAPH = 50
"""To read what they tell and to send off the next costs the host the time of some steps."""

_IMAGES_OF_GRAPH = 12_800
"""At most, but for a single step: the larger the batches, the less it matters what the host does."""


def steps_of_graph(batch: int) -> int:
    """Steps, of so many images, that are one graph and are read together."""
    return max(1, min(_STEPS_OF_GRAPH, _IMAGES_OF_GRAPH // batch))


class StepGroup:
    """Takes groups of steps.

    All that changes from group to group is brought to the same places on the device before the first of its steps:
    which images, the noise, the learning rates. From there on the host has no part in it, and so the steps of a group
    can be one CUDA graph. As the noise is drawn outside of it, a generator stands between two groups where it would
    stand after the same steps one by one.

    Args:
        step: Takes one.
        images: All of them, uint8 ``(n, 784)``.
        zdim: The latent dimension.
        most: Steps until what they tell is read.
        batch: The greatest number of images of a step.
        graphs: Captures and replays groups; without, their steps are taken one by one.

    Attributes:
        at_once: Steps of a group at most.
        losses: Of the steps since the last read, ``(most,)``.
        sums: Over the images of those steps.
    """

    def __init__(
        self, step: Step, images: Tensor, zdim: int, *, most: int, batch: int, graphs: Graphs | None = None
    ) -> None:
        self._take_step, self._images, self._graphs = step, images, graphs
        device = images.device
        self.losses = torch.zeros(most, device=device)
        self._each_loss = self.losses.unbind()
        self.sums = DeviceTotals(zdim, device)
        self._zdim = zdim
        self._places = _Places(most, batch, zdim, device) if graphs else None
        self.at_once = most if graphs else 1

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
        if self._graphs is None or self._places is None:
            drawn = [torch.randn(size, self._zdim, generator=generator, device=order.device) for size in sizes]
            self._go(torch.split(order, list(sizes)), drawn, rates, begin)
        else:
            batches, noises, placed = self._places.bring(order, sizes, rates, generator)
            self._graphs.do((begin, *sizes), lambda: self._go(batches, noises, placed, begin))
        self.sums.count(len(order))

    @torch.no_grad()
    def _go(
        self, batches: Sequence[Tensor], noises: Sequence[Tensor], rates: Sequence[float | Tensor], begin: int
    ) -> None:
        for index, (batch, noise, rate) in enumerate(zip(batches, noises, rates, strict=True), begin):
            told = self._take_step(self._images, batch, noise, rate)
            self._each_loss[index].copy_(told.loss)
            self.sums.add_sums(told.totals)


class _Places:
    """Where a graph finds what changes from group to group."""

    def __init__(self, steps: int, batch: int, zdim: int, device: torch.device) -> None:
        self._order = torch.zeros(steps * batch, dtype=torch.int64, device=device)
        self._noise = torch.zeros(steps * batch, zdim, device=device)
        self._rates = torch.zeros(steps, device=device)

    def bring(
        self, order: Tensor, sizes: Sequence[int], rates: Sequence[float], generator: torch.Generator
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Bring all of it there; returns of each step the indices, the noise and the rate."""
        batches = torch.split(self._order[: len(order)].copy_(order), list(sizes))
        noises = torch.split(self._noise[: len(order)], list(sizes))
        for noise in noises:
            noise.normal_(generator=generator)
        self._rates[: len(rates)].copy_(torch.tensor(rates))
        return batches, noises, self._rates[: len(rates)].unbind()
