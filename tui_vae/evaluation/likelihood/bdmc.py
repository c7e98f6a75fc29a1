"""Bidirectional Monte Carlo: the gap of the AIS bounds on images simulated from the model.

Grosse, Ghahramani & Adams, arXiv:1511.02543. An image simulated from the model comes with an exact draw from its own
posterior, the z it was made of. Annealing up from the start gives a lower bound on log p(x) in expectation, annealing
down from that draw, by the reversed transitions, an upper one; the truth is between them. That the gap is as small on
data is not certain, only likely where the model resembles them (arXiv:1611.04273, section 5.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.config import PIXELS
from tui_vae.data.generators import generator
from tui_vae.evaluation.likelihood.ais import AisBatches, AisConfig, ProgressCounter
from tui_vae.evaluation.likelihood.conditional_likelihood import check_finite
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights
from tui_vae.evaluation.memory import MEMORY
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE


@dataclass(frozen=True)
class Simulated:
    """Images drawn from the model, and what they were made of.

    Attributes:
        x: mu(z) + sigma * noise, neither clipped nor rounded, float32 ``(n, 784)``.
        z: PosteriorSamples from the prior, and, given x, exact ones from the posterior, ``(n, zdim)``.
    """

    x: Tensor
    z: Tensor


@dataclass(frozen=True)
class BdmcBounds:
    """Bounds on log p(x) of simulated images, nats.

    Attributes:
        lower: A lower bound in expectation, by annealing from the start.
        upper: An upper bound in expectation, by annealing from exact draws of the posterior.
        acceptance: As in :class:`~tui_vae.evaluation.likelihood.ais.AisResult`, on the way up.
    """

    lower: LikelihoodEstimate
    upper: LikelihoodEstimate
    acceptance: Tensor

    @property
    def gap(self) -> LikelihoodEstimate:
        """upper - lower of each image: what the lower bound may lack at most, in expectation."""
        noise = (self.upper.noise.square() + self.lower.noise.square()).sqrt()
        effective = torch.minimum(self.upper.effective, self.lower.effective)
        return LikelihoodEstimate(self.upper.values - self.lower.values, noise, effective)


@torch.no_grad()
def simulate(vae: VAE, n: int, seed: int) -> Simulated:
    """Draw ``n`` images from the model, without changing anything."""
    random = generator(seed, "simulated images")
    z = torch.randn(n, vae.zdim, generator=random)
    noise = torch.randn(n, PIXELS, generator=random)
    weights = next(vae.decoder.parameters())
    mean = vae.decoder(z.to(weights))
    return Simulated(mean + vae.decoder.sigma * noise.to(mean.device), z.to(mean.device))


@torch.inference_mode(False)  # wherever it is called from: transitions need derivatives
def bdmc(
    vae: VAE,
    n: int,
    plan: AisConfig | None = None,
    *,
    seed: int = 0,
    memory: int = MEMORY,
    report: Report = no_progress,
) -> BdmcBounds:
    """Bounds from both sides on ``n`` images simulated from the model.

    Args:
        vae: The model, on any device; nothing of it is changed.
        n: Number of images.
        plan: The settings, as for annealing on data.
        seed: Decides on the images and all draws, together with the batch size.
        memory: Bytes that one batch may take.
        report: Called with the share done, 0 to 1; may raise to cancel.

    Raises:
        UsageError: A single image does not fit into ``memory``.
        EvaluationError: Weights or likelihoods are not finite.
    """
    plan = plan or AisConfig()
    check_finite(vae)
    made = simulate(vae, n, seed)
    batches = AisBatches(vae, made.x, plan, seed=seed, memory=memory)
    progress = ProgressCounter(n * plan.trajectories(2), report)
    lower, inverse = LogMeanWeights(n), LogMeanWeights(n)
    acceptance = torch.zeros(plan.steps - 1, dtype=torch.float64)
    for first in range(0, n, batches.size):
        sampler = batches.sampler(first, progress)
        up, accepted = sampler.forward(plan.chains)
        rows = slice(first, first + len(up))
        # All chains of an image start at its one exact draw: each inverse weight has the expectation 1 / p(x) still.
        down = sampler.backward(made.z[rows, None].expand(-1, plan.chains, -1).contiguous())
        lower.add(rows, up)
        inverse.add(rows, -down)
        acceptance += accepted * len(up) / n
    inverted = inverse.estimate()
    upper = LikelihoodEstimate(-inverted.values, inverted.noise, inverted.effective)
    return BdmcBounds(lower.estimate(), upper, acceptance)
