"""Annealed importance sampling of log p(x), with Hamiltonian transitions from the prior to the posterior.

Neal, "Annealed importance sampling", Statistics and Computing 11 (2001); for decoders Wu, Burda, Salakhutdinov &
Grosse, arXiv:1611.04273. Chains pass through p(z) p(x|z)^beta from beta = 0 to 1; the product of the ratios met on the
way is a weight whose expectation is p(x), so that the logarithm of the mean weight of several chains is a lower bound
in expectation. How chains move is told in ``ladder``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.likelihood.ais_chains import SCOUTS, Batches, ProgressCounter
from tui_vae.evaluation.likelihood.ais_config import AisConfig
from tui_vae.evaluation.likelihood.batch_size import MEMORY
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE


@dataclass(frozen=True)
class Annealed:
    """What annealing gives.

    Attributes:
        estimate: log p(x) of each image, a lower bound in expectation.
        acceptance: Probability with which trajectories were accepted at each inner temperature, mean over images and
            chains, ``(steps - 1,)``.
    """

    estimate: LikelihoodEstimate
    acceptance: Tensor

    @property
    def mean_acceptance(self) -> float:
        """Of all trajectories; NaN if there were none."""
        return float(self.acceptance.mean())


@torch.inference_mode(False)  # wherever it is called from: transitions need derivatives
def annealed(
    vae: VAE,
    images: Tensor,
    plan: AisConfig | None = None,
    *,
    seed: int = 0,
    memory: int = MEMORY,
    report: Report = no_progress,
) -> Annealed:
    """LikelihoodEstimate log p(x) of each image by annealed importance sampling.

    Args:
        vae: The model, on any device; nothing of it is changed.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        plan: The settings.
        seed: Decides on all draws, together with how many images are worked on at once.
        memory: Bytes allowed for what is worked on at once.
        report: Told the share done, 0 to 1, after every transition; may raise to end the work.

    Raises:
        UsageError: The memory allowed is too small for a single image.
        EvaluationError: Weights or likelihoods are not finite.
    """
    plan = plan or AisConfig()
    batches = Batches(vae, images, plan, seed=seed, memory=memory)
    ticks = ProgressCounter(len(images) * (plan.steps - 1) * (SCOUTS + plan.chains), report)
    weights = LogMeanWeights(len(images))
    acceptance = torch.zeros(plan.steps - 1, dtype=torch.float64)
    for first in range(0, len(images), batches.size):
        ladder = batches.ladder(first, ticks)
        log_weights, accepted = ladder.forward(plan.chains)
        rows = slice(first, first + len(log_weights))
        weights.add(rows, log_weights)
        acceptance += accepted * len(log_weights) / len(images)
    return Annealed(weights.estimate(), acceptance)
