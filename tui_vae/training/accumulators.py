"""Sums of the terms of the ELBO: accumulated on the device, and read by the host once in several steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.model import ACTIVE_UNIT_VARIANCE, ElboTerms


@dataclass
class Totals:
    """Sums over images on the host, in double precision.

    ``latents`` has three rows: the sum of the KL, of E_q z and of its square, of each latent.
    """

    zdim: int

    def __post_init__(self) -> None:
        self.images = 0
        self.reconstruction = 0.0
        self.latents = torch.zeros(3, self.zdim, dtype=torch.float64)

    def add(self, other: Totals) -> None:
        self.images += other.images
        self.reconstruction += other.reconstruction
        self.latents += other.latents

    def mean_reconstruction(self) -> float:
        return self.reconstruction / max(1, self.images)

    def mean_kl(self) -> float:
        return float(self.latents[0].sum()) / max(1, self.images)

    def mean_elbo(self) -> float:
        return self.mean_reconstruction() - self.mean_kl()

    def kl_per_latent(self) -> tuple[float, ...]:
        return tuple((self.latents[0] / max(1, self.images)).tolist())

    def active_units(self) -> int:
        """Number of latents with Var_x(E_q z_i) above the threshold of arXiv:1509.00519."""
        mean, square = (self.latents[1:] / max(1, self.images)).unbind()
        return int((square - mean.square() > ACTIVE_UNIT_VARIANCE).sum())


class DeviceTotals:
    """The same sums on the device; adding to them does not wait for it."""

    def __init__(self, zdim: int, device: torch.device) -> None:
        self._zdim = zdim
        self._sums = torch.zeros(3 * zdim + 1, device=device)
        self._latents, self._reconstruction = self._sums[:-1].view(3, zdim), self._sums[-1]
        self._images = 0

    @torch.no_grad()
    def add(self, terms: ElboTerms) -> None:
        """Add the terms of some images."""
        self.add_terms(terms)
        self.count(len(terms.mu))

    def add_terms(self, terms: ElboTerms) -> None:
        """Add the terms of some images without counting these."""
        latents = torch.stack((terms.kl, terms.mu, terms.mu.square())).sum(1)
        self.add_sums(torch.cat((latents.flatten(), terms.reconstruction.sum().view(1))))

    def add_sums(self, sums: Tensor) -> None:
        """Add sums over images: ``latents`` as in :class:`Totals`, then the reconstruction, ``(3 · zdim + 1,)``."""
        self._sums += sums

    def count(self, images: int) -> None:
        """Count images whose terms were added."""
        self._images += images

    def peek(self) -> Totals:
        """Read the sums, which waits for the device."""
        totals = Totals(self._zdim)
        totals.images = self._images
        totals.reconstruction = float(self._reconstruction)
        totals.latents += self._latents.cpu()
        return totals

    def take(self) -> Totals:
        """Read the sums, which waits for the device, and reset them."""
        totals = self.peek()
        self.clear()
        return totals

    def put(self, totals: Totals) -> None:
        """Continue from sums that :meth:`peek` returned; exact, since those are in single precision."""
        self._images = totals.images
        self._reconstruction.fill_(totals.reconstruction)
        self._latents.copy_(totals.latents)

    def clear(self) -> None:
        self._images = 0
        self._sums.zero_()


@dataclass
class Window:
    """The sums and the range of the loss since the last progress event."""

    totals: Totals
    loss_min: float = math.inf
    loss_max: float = -math.inf

    def add(self, totals: Totals, losses: list[float]) -> None:
        self.totals.add(totals)
        self.loss_min = min(self.loss_min, *losses)
        self.loss_max = max(self.loss_max, *losses)
