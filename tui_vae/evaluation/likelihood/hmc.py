"""Hamiltonian transitions along the path from a Gaussian to the posterior (Neal, arXiv:1206.1901).

The distribution at beta is, up to its normalisation, start(z)^(1 - beta) · p(x, z)^beta: the start at 0, p(z|x) at 1.
With the prior as the start it is p(z) p(x|z)^beta (Wu, Burda, Salakhutdinov & Grosse, arXiv:1611.04273, equation 5).
Chains of n images, k an image, are moved together; all energies are in nats, float32 ``(n, k)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, Observed


@dataclass(frozen=True)
class ChainState:
    """Where chains are, and what was computed there, so that nothing is computed twice.

    Attributes:
        z: ``(n, k, zdim)``.
        start: -log start(z), up to a constant.
        end: -log p(x, z), up to a constant.
        gradient: Of ``end`` by z, ``(n, k, zdim)``.
    """

    z: Tensor
    start: Tensor
    end: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class AnnealingPath:
    """The distributions between a Gaussian and the posteriors of some images.

    Attributes:
        likelihood: p(x|z).
        observed: The images.
        mean: Of the Gaussian, ``(n, 1, zdim)``.
        deviation: Its standard deviations, ``(n, 1, zdim)``.
    """

    likelihood: Likelihood
    observed: Observed
    mean: Tensor
    deviation: Tensor

    @property
    def log_constant(self) -> Tensor:
        """What the energies leave out of log p(x, z) - log start(z), float64 ``(n,)``."""
        return self.observed.constant + self.deviation.double().log().sum((1, 2))

    def point(self, z: Tensor) -> ChainState:
        misfit, gradient = self.likelihood.misfit_and_gradient(z, self.observed.target)
        start = 0.5 * ((z - self.mean) / self.deviation).square().sum(-1)
        return ChainState(z, start, misfit + 0.5 * z.square().sum(-1), gradient + z)

    def energy(self, point: ChainState, beta: float) -> Tensor:
        return torch.lerp(point.start, point.end, beta)

    def force(self, point: ChainState, beta: float) -> Tensor:
        """Minus the gradient of the energy, ``(n, k, zdim)``."""
        return torch.lerp((self.mean - point.z) / self.deviation.square(), -point.gradient, beta)


def leapfrog(
    path: AnnealingPath, point: ChainState, momentum: Tensor, beta: float, step: Tensor, leapfrog_steps: int
) -> tuple[ChainState, Tensor]:
    """Follow the dynamics for ``leapfrog_steps`` steps of size ``step``, ``(n, 1, zdim)``; the masses are 1.

    Reversible and volume-preserving; its error in the total energy is of second order in the step.

    Returns:
        The last point and the last momentum, ``(n, k, zdim)``.
    """
    momentum = torch.addcmul(momentum, step, path.force(point, beta), value=0.5)
    for leap in range(leapfrog_steps):
        point = path.point(torch.addcmul(point.z, step, momentum))
        share = 1.0 if leap < leapfrog_steps - 1 else 0.5
        momentum = torch.addcmul(momentum, step, path.force(point, beta), value=share)
    return point, momentum


def transition(
    path: AnnealingPath, point: ChainState, beta: float, step: Tensor, leapfrog_steps: int, generator: torch.Generator
) -> tuple[ChainState, Tensor]:
    """One trajectory with new momenta, accepted or not chain by chain: leaves the distribution at beta as it is.

    Returns:
        Where the chains are then, and the probabilities with which they moved, ``(n, k)``.
    """
    momentum = torch.randn(point.z.shape, generator=generator, device=point.z.device)
    proposal, last_momentum = leapfrog(path, point, momentum, beta, step, leapfrog_steps)
    before = path.energy(point, beta) + 0.5 * momentum.square().sum(-1)
    after = path.energy(proposal, beta) + 0.5 * last_momentum.square().sum(-1)
    # A trajectory that ran away has no energy any more; it is refused.
    probability = (before - after).clamp_max(0).exp().nan_to_num(0.0)
    moved = torch.rand(probability.shape, generator=generator, device=probability.device) < probability
    return (
        ChainState(
            torch.where(moved[..., None], proposal.z, point.z),
            torch.where(moved, proposal.start, point.start),
            torch.where(moved, proposal.end, point.end),
            torch.where(moved[..., None], proposal.gradient, point.gradient),
        ),
        probability,
    )
