"""Chains between the prior and the posterior of images: their transitions, fixed before any chain counts.

What a transition does must not depend on what the chains that are weighed did before, or the bounds are none. Hence the
step size of every image and temperature is found in a preliminary run, by chains of its own, that follow an acceptance
of 0.65 (Neal, arXiv:1206.1901); then it is fixed. Steps are longer along latents in which the encoder says
that the posterior is wide: a choice of units, right or wrong, that leaves the distributions as they are. Each
trajectory varies the step by up to 30 %, lest its length be half a period of some latent, which would bring the chain
to its mirror image and mix nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tui_vae.data.generators import generator
from tui_vae.evaluation.likelihood.ais_config import AisConfig
from tui_vae.evaluation.likelihood.batch_size import rows_within
from tui_vae.evaluation.likelihood.conditional_likelihood import Likelihood
from tui_vae.evaluation.likelihood.hmc import ChainState, HmcProposal, transition
from tui_vae.evaluation.likelihood.posterior_samples import encoded
from tui_vae.evaluation.likelihood.preprocessing import pixels
from tui_vae.evaluation.progress import Report
from tui_vae.model import VAE

TARGET_ACCEPTANCE = 0.65

SCOUTS = 4
"""Chains of each image in the preliminary run."""

# The preliminary run's first step, and how fast it follows the acceptance.
_FIRST_STEP = 0.5
_RATE = 0.1

_JITTER = 0.3

# Chains at a time: more are no faster, and reports would be rare.
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


class Batches:
    """Images in batches that fit a number of bytes, each to be annealed by a :class:`AisSampler`."""

    def __init__(self, vae: VAE, images: Tensor, plan: AisConfig, *, seed: int, memory: int) -> None:
        self._likelihood = Likelihood(vae.decoder)
        self._images = images
        self._plan = plan
        self._seed = seed
        # A chain is held as some 26 values of z's size, points and momenta before and after and what passes between,
        # and as the decoder's values with their derivatives; an image, beside its chains, as its pixels, its steps, and
        # the temperatures.
        chain = 4 * (26 * vae.zdim + 3 * self._likelihood.row_width)
        image = plan.chains * chain + 40 * plan.steps + 32 * images.shape[1]
        what = f"annealing an image with {plan.chains:,} chains of {plan.steps:,} steps"
        self.size = rows_within(memory, image, max(1, _ROWS // plan.chains), what)
        self._posterior = encoded(vae, images)

    @torch.no_grad()
    def ladder(self, first: int, ticks: ProgressCounter) -> AisSampler:
        """For the images from ``first`` on, its steps found."""
        rows = slice(first, first + self.size)
        observed = self._likelihood.observe(pixels(self._images[rows].to(self._likelihood.device)))
        mean, deviation = self._posterior.mu[rows, None], self._posterior.log_sigma[rows, None].exp()
        # No posterior is much wider than the prior; a wrong encoder must not make steps endless.
        width = deviation.clamp(1e-3, 1)
        if self._plan.start == "prior":
            mean, deviation = torch.zeros_like(mean), torch.ones_like(deviation)
        random = generator(self._seed, "annealing", first, device=self._likelihood.device)
        return AisSampler(HmcProposal(self._likelihood, observed, mean, deviation), width, self._plan, random, ticks)


class AisSampler:
    """The temperatures between start and posterior of a batch of images, and transitions at each of them.

    Once constructed the transitions are fixed, so that chains may be led either way: up from draws of the start, down
    from draws of the posterior.
    """

    def __init__(
        self, path: HmcProposal, width: Tensor, plan: AisConfig, random: torch.Generator, ticks: ProgressCounter
    ) -> None:
        self._path = path
        self._width = width
        self._plan = plan
        self._random = random
        self._ticks = ticks
        betas = plan.schedule(plan.steps)
        self._increments = betas.diff()
        self._inner = betas[1:-1]
        self._log_steps = self._found_steps()

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
        moved = transition(self._path, point, beta, step, self._plan.leaps, random)
        self._ticks(point.start.numel())
        return moved

    @torch.no_grad()
    def _found_steps(self) -> Tensor:
        """Follow the acceptance from one temperature to the next, with chains that are not used further.

        Returns:
            Log step sizes, ``(steps - 1, n)``.
        """
        point = self._drawn(SCOUTS)
        log_step = torch.full((len(self._width),), math.log(_FIRST_STEP), device=self._width.device)
        found = torch.empty(len(self._inner), len(log_step), device=log_step.device)
        for index in range(len(self._inner)):
            found[index] = log_step
            point, accepted = self._move(point, index, log_step)
            log_step = log_step + _RATE * (accepted.mean(1) - TARGET_ACCEPTANCE)
        return found
