"""Annealed importance sampling of log p(x), with Hamiltonian transitions from the prior to the posterior.

Neal, "Annealed importance sampling", Statistics and Computing 11 (2001); for decoders Wu, Burda, Salakhutdinov &
Grosse, arXiv:1611.04273. Chains pass through p(z) p(x|z)^beta from beta = 0 to 1; the product of the ratios met on the
way is a weight whose expectation is p(x), so that the logarithm of the mean weight of several chains is a lower bound
in expectation.

Transitions must not depend on the history of the weighted chains, or the estimates are no bounds. Hence the
step size of every image and temperature is found in a preliminary run, by chains of its own, that follow an acceptance
of 0.65 (Neal, arXiv:1206.1901); then it is fixed. Steps are longer along latents in which the encoder says
that the posterior is wide: a choice of units, right or wrong, that leaves the distributions as they are. Each
trajectory varies the step by up to 30 %, lest its length be half a period of some latent, which would bring the chain
to its mirror image and mix nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.errors import UsageError
from tui_vae.evaluation.likelihood.bounds import encode
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood, pixels
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights
from tui_vae.evaluation.likelihood.hmc import AnnealingPath, ChainState, transition
from tui_vae.evaluation.memory import MEMORY, rows_within
from tui_vae.evaluation.progress import Report, no_progress
from tui_vae.model import VAE

# A posterior that is sharper than the prior by r along some direction has half its way done at beta = 1/r; r is some
# tens to hundreds. The smaller this is, the more temperatures lie near 0.
_KNEE = 0.05


def geometric(steps: int) -> Tensor:
    """Inverse temperatures 0 = beta_0 < … < beta_T = 1, float64 ``(T + 1,)``; beta + c grows by a constant factor.

    The change of a Gaussian of precision c + beta is then even. At equal cost the gap of the two bounds was smaller by
    a third or more than with the sigmoidal schedule of arXiv:1611.04273, for a linear and a deep decoder of 32 latents.
    """
    growth = (1 + 1 / _KNEE) ** torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    betas = _KNEE * (growth - 1)
    betas[-1] = 1
    return betas


TARGET_ACCEPTANCE = 0.65

ADAPTATION_CHAINS = 4
"""Chains of each image in the preliminary run."""

ADAPTATION_STEPS = 750
"""Most steps of the preliminary run: of a longer path it takes a part of the temperatures, and the rest lie between."""


@dataclass(frozen=True)
class AisConfig:
    """The settings of annealed importance sampling; those of arXiv:1611.04273 are 10,000 steps of 10 leapfrog steps.

    Attributes:
        steps: T, the number of steps from the start to the posterior, with a transition between any two.
        chains: Independent chains of each image.
        leapfrog_steps: Of a trajectory. At 0.65 acceptance two are nearly a quarter of a period where steps are scaled
            by the width of the posterior, and mix best; longer ones come back. Many short moves beat few long
            ones at equal cost.
        start: ``prior``, or ``encoder`` to anneal from q(z|x): fewer steps are needed then, but where q(z|x) misses a
            part of the posterior the bounds of a few images are far apart.
    """

    steps: int = 750
    chains: int = 16
    leapfrog_steps: int = 2
    start: Literal["prior", "encoder"] = "prior"

    def __post_init__(self) -> None:
        for name in ("steps", "chains", "leapfrog_steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"annealing needs at least one of its {name}, not {getattr(self, name)}")

    @property
    def adapted(self) -> Tensor:
        """Indices of the inner temperatures that the preliminary run visits, int64, increasing from 0."""
        inner = self.steps - 1
        count = min(inner, ADAPTATION_STEPS - 1)
        return torch.arange(count) * inner // max(1, count)

    def trajectories(self, passes: int) -> int:
        """Trajectories for one image: those of the preliminary run, and of ``passes`` from end to end."""
        return len(self.adapted) * ADAPTATION_CHAINS + passes * (self.steps - 1) * self.chains


# The preliminary run's first step, and how fast it follows the acceptance.
_FIRST_STEP = 0.5
_RATE = 0.1

_JITTER = 0.3

# Chains per batch: more are no faster, and progress would be rare.
_ROWS = 1024


class ProgressCounter:
    """Counts trajectories and reports the share done."""

    def __init__(self, total: int, report: Report) -> None:
        self._total = total
        self._report = report
        self._done = 0

    def __call__(self, trajectories: int) -> None:
        self._done += trajectories
        self._report(self._done / self._total)


class AisBatches:
    """Images in batches that fit a number of bytes, each to be annealed by a :class:`AisSampler`."""

    def __init__(self, vae: VAE, images: Tensor, plan: AisConfig, *, seed: int, memory: int) -> None:
        self._likelihood = Likelihood(vae)
        self._images = images
        self._plan = plan
        self._seed = seed
        # A chain is held as some 26 values of z's size, points and momenta before and after and what passes between,
        # and as the decoder's values with their derivatives; an image, apart from its chains, as its pixels, its steps,
        # and the temperatures.
        chain = 4 * (26 * vae.zdim + 3 * self._likelihood.row_width)
        image = plan.chains * chain + 40 * plan.steps + 32 * images.shape[1]
        what = f"annealing an image with {plan.chains:,} chains of {plan.steps:,} steps"
        self.size = rows_within(memory, image, max(1, _ROWS // plan.chains), what)
        self._posterior = encode(vae, images)

    @torch.no_grad()
    def sampler(self, first: int, progress: ProgressCounter) -> AisSampler:
        """Build the sampler of the images from ``first`` on, with its step sizes adapted."""
        rows = slice(first, first + self.size)
        observed = self._likelihood.observe(pixels(self._images[rows].to(self._likelihood.device)))
        mean, deviation = self._posterior.mu[rows, None], self._posterior.log_sigma[rows, None].exp()
        # No posterior is much wider than the prior; a wrong encoder must not make steps endless.
        width = deviation.clamp(1e-3, 1)
        if self._plan.start == "prior":
            mean, deviation = torch.zeros_like(mean), torch.ones_like(deviation)
        random = generator(self._seed, "annealing", first, device=self._likelihood.device)
        return AisSampler(
            AnnealingPath(self._likelihood, observed, mean, deviation), width, self._plan, random, progress
        )


class AisSampler:
    """The temperatures between start and posterior of a batch of images, and transitions at each of them.

    Once constructed the transitions are fixed, so that chains may be led either way: up from draws of the start, down
    from draws of the posterior.
    """

    def __init__(
        self, path: AnnealingPath, width: Tensor, plan: AisConfig, random: torch.Generator, progress: ProgressCounter
    ) -> None:
        self._path = path
        self._width = width
        self._plan = plan
        self._random = random
        self._progress = progress
        betas = geometric(plan.steps)
        self._increments = betas.diff()
        self._inner = betas[1:-1]
        self._log_steps = self._adapt_steps()

    @torch.no_grad()
    def forward(self, chains: int) -> tuple[Tensor, Tensor]:
        """Anneal from the start to the posterior.

        Returns:
            Log-weights, whose exponentials have the expectation p(x), float64 ``(n, chains)``, and the acceptance at
            each inner temperature, float64 ``(steps - 1,)``.
        """
        point, log_weights = self._drawn(chains), self._path.log_constant[:, None]
        acceptance = torch.zeros(len(self._inner), dtype=torch.float64)
        for index, increment in enumerate(self._increments):
            log_weights = log_weights + float(increment) * (point.start - point.end).double()
            if index < len(self._inner):
                point, accepted = self._move(point, index, self._log_steps[index])
                acceptance[index] = accepted.mean().double()
        return log_weights, acceptance

    @torch.no_grad()
    def backward(self, z: Tensor) -> Tensor:
        """Anneal from the posterior to the start, by the reversed transitions of :meth:`forward`.

        Args:
            z: Exact draws from the posterior of each image, one a chain, ``(n, k, zdim)``.

        Returns:
            Log-weights, whose negatives' exponentials have the expectation 1 / p(x), float64 ``(n, k)``.
        """
        point, log_weights = self._path.point(z), self._path.log_constant[:, None]
        for index in reversed(range(len(self._increments))):
            log_weights = log_weights + float(self._increments[index]) * (point.start - point.end).double()
            if index > 0:
                point, _ = self._move(point, index - 1, self._log_steps[index - 1])
        return log_weights

    def _drawn(self, chains: int) -> ChainState:
        n, _, zdim = self._path.mean.shape
        noise = torch.randn(n, chains, zdim, generator=self._random, device=self._width.device)
        return self._path.point(torch.addcmul(self._path.mean, self._path.deviation, noise))

    def _move(self, point: ChainState, index: int, log_step: Tensor) -> tuple[ChainState, Tensor]:
        """One transition of every chain at an inner temperature; ``log_step`` is ``(n,)``."""
        beta, random = float(self._inner[index]), self._random
        # As though start and posterior were Gaussians of these widths, whose precisions mix.
        scale = ((1 - beta) / self._path.deviation.square() + beta / self._width.square()).rsqrt()
        jitter = torch.rand(len(self._width), 1, 1, generator=random, device=scale.device).mul_(2).sub_(1)
        step = scale * log_step.exp()[:, None, None] * jitter.mul_(_JITTER).add_(1)
        moved = transition(self._path, point, beta, step, self._plan.leapfrog_steps, random)
        self._progress(point.start.numel())
        return moved

    @torch.no_grad()
    def _adapt_steps(self) -> Tensor:
        """Follow the acceptance from one temperature to the next, with chains that are not used further.

        Between the temperatures of the preliminary run, which are evenly spaced in the schedule, the step of the last
        one before is kept.

        Returns:
            Log step sizes, ``(steps - 1, n)``.
        """
        point = self._drawn(ADAPTATION_CHAINS)
        log_step = torch.full((len(self._width),), math.log(_FIRST_STEP), device=self._width.device)
        visited = self._plan.adapted
        found = torch.empty(len(visited), len(log_step), device=log_step.device)
        for row, index in enumerate(visited.tolist()):
            found[row] = log_step
            point, accepted = self._move(point, index, log_step)
            log_step = log_step + _RATE * (accepted.mean(1) - TARGET_ACCEPTANCE)
        last_before = torch.searchsorted(visited, torch.arange(len(self._inner)), right=True) - 1
        return found[last_before.to(found.device)]


@dataclass(frozen=True)
class AisResult:
    """The result of annealed importance sampling.

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
def ais(
    vae: VAE,
    images: Tensor,
    plan: AisConfig | None = None,
    *,
    seed: int = 0,
    memory: int = MEMORY,
    report: Report = no_progress,
) -> AisResult:
    """Estimate log p(x) of each image by annealed importance sampling.

    Args:
        vae: The model, on any device; nothing of it is changed.
        images: uint8, or floating in [0, 1], ``(n, 784)``.
        plan: The settings.
        seed: Decides on all draws, together with the batch size.
        memory: Bytes that one batch may take.
        report: Called with the share done, 0 to 1, after every transition; may raise to cancel.

    Raises:
        UsageError: A single image does not fit into ``memory``.
        EvaluationError: Weights or likelihoods are not finite.
    """
    plan = plan or AisConfig()
    batches = AisBatches(vae, images, plan, seed=seed, memory=memory)
    progress = ProgressCounter(len(images) * plan.trajectories(1), report)
    weights = LogMeanWeights(len(images))
    acceptance = torch.zeros(plan.steps - 1, dtype=torch.float64)
    for first in range(0, len(images), batches.size):
        sampler = batches.sampler(first, progress)
        log_weights, accepted = sampler.forward(plan.chains)
        rows = slice(first, first + len(log_weights))
        weights.add(rows, log_weights)
        acceptance += accepted * len(log_weights) / len(images)
    return AisResult(weights.estimate(), acceptance)
