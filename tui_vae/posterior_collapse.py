"""Why latents are off: expected by theory, or lost in training; one rule and one wording for every front end.

A latent is off when its posterior is the prior for every image, so that its KL is 0. Adding one linear latent to a
decoder f raises the ELBO if and only if some direction u of what f leaves unexplained, r = x - E_q f(z), has more
variance than sigma²: for r this is probabilistic PCA with one component (Tipping & Bishop 1999), of which the optimum
has the gain ½ (rho - 1 - ln rho), rho = Var(uᵀr) / sigma² > 1, and otherwise no component at all. So with k such
directions a model without spurious optima has at most ``off - k`` latents off, and the others were lost in training.
In a linear model the directions left are the principal components of the data beyond those in use, and there are no
other optima (Lucas, Tucker, Grosse & Norouzi, arXiv:1911.02469): the variances of the data decide already. A deep model
may explain with few latents what takes a linear one many; for it the variances of r have to be measured.

Where training minimises beta Σ max(f, KL_i) - reconstruction, a latent of KL t explains the share 1 - e^(-2t) of its
direction's variance, and adds ½ Var(uᵀr) (1 - e^(-2t)) / sigma² - beta max(0, t - f) to the objective. That is greatest
at t = max(f, ½ ln rho) with rho = Var(uᵀr) / (beta sigma²): beta scales sigma², and free bits keep all directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

OFF = 0.01
"""KL in nats below which a latent is off."""

EDGE = math.exp(2 * OFF)
"""Variance over beta sigma² from which a direction counts: at the optimum, the KL of its latent is ``OFF``."""

EARLY = 0.1
"""Share of the epochs, that of the warm-up of the learning rate, within which nothing is said; nor is it during that of
the KL."""

_WORTH_SAYING = 0.01
"""Nats of the ELBO below which latents that were lost are not worth advice."""

Evidence = Literal["linear theory", "linear comparison", "unexplained variance"]
"""What decides: the spectrum of the data for a linear model; the same for another model, where it decides only what a
linear model would do; or the measured variances of what the model leaves unexplained."""

Reason = Literal["in use", "expected", "lost", "open"]
"""``open``: a linear model would use the latent, and nothing was measured of this one; or it is too early."""


@dataclass(frozen=True)
class PosteriorCollapse:
    """Which latents of a model are off, and why.

    Attributes:
        latents: The reason of each, in the model's order. Latents that are off are alike: those of the greater KL are
            taken for the ones that were lost.
        sigma: The decoder's sigma in force.
        evidence: What decides.
        gain: Nats by which the ELBO, or what is maximised in its place, would rise at least with the latents that were
            lost; ``None`` where it is open.
        summary: The result in a few words.
        reasons: A sentence on each reason.
        advice: What to do, naming the option; empty where there is nothing to gain.
    """

    latents: tuple[Reason, ...]
    sigma: float
    evidence: Evidence
    gain: float | None
    summary: str
    reasons: tuple[str, ...]
    advice: tuple[str, ...]

    def count(self, reason: Reason) -> int:
        return self.latents.count(reason)

    @property
    def off(self) -> int:
        return len(self.latents) - self.count("in use")

    @property
    def notable(self) -> bool:
        """Whether there is anything to explain: where all latents are in use, as they should be, there is not."""
        return bool(self.off or self.details)

    @property
    def details(self) -> tuple[str, ...]:
        """The reasons and the advice."""
        return (*self.reasons, *self.advice)


@dataclass(frozen=True)
class LatentKl:
    """What a verdict is about: a model at some epoch of its training.

    Attributes:
        kl_per_latent: Mean over images, nats, ``(zdim,)``; values that are not finite count as 0.
        sigma: The decoder's sigma in force.
        learned: Whether sigma is trained.
        linear: Whether encoder and decoder are one layer each.
        epoch: Completed epochs.
        epochs: All epochs; ``None`` where they are not known.
        beta: Weight of the KL in what is minimised.
        kl_warmup: Epochs over which it rises to that.
        free_bits: KL of each latent, in nats, below which it costs the same.
    """

    kl_per_latent: Sequence[float]
    sigma: float
    learned: bool
    linear: bool
    epoch: int
    epochs: int | None
    beta: float = 1.0
    kl_warmup: float = 0.0
    free_bits: float = 0.0

    @property
    def edge(self) -> float:
        """Variance from which a direction is worth a latent."""
        return 0.0 if self.free_bits >= OFF else EDGE * self.beta * self.sigma**2

    def gain(self, variance: float) -> float:
        """Nats that a latent for a direction of this variance, above :attr:`edge`, adds to what is maximised."""
        ratio = variance / (self.beta * self.sigma**2)
        kl = max(self.free_bits, 0.5 * math.log(ratio))
        return self.beta * (-0.5 * ratio * math.expm1(-2 * kl) - (kl - self.free_bits))

    @property
    def off(self) -> list[int]:
        """The latents that are off, that of the greatest KL first."""
        values = [kl if math.isfinite(kl) else 0.0 for kl in self.kl_per_latent]
        found = [latent for latent, kl in enumerate(values) if kl < OFF]
        return sorted(found, key=lambda latent: -values[latent])

    @property
    def early(self) -> bool:
        early = max(EARLY * self.epochs, self.kl_warmup) if self.epochs is not None else 0
        return self.epochs is not None and self.epoch < self.epochs and self.epoch <= early


def explain(model: LatentKl, variances: Sequence[float], *, measured: bool = False) -> PosteriorCollapse | None:
    """Say of every latent that is off whether theory expects it.

    Args:
        model: The model.
        variances: Descending; the eigenvalues of the covariance of the training images, at least ``zdim`` of them where
            there are as many, or those of x - decoder(E_q z), as many as latents are off.
        measured: Whether they are the latter.

    Returns:
        ``None`` where nothing is known: no variances, sigma is no positive number, or the KL has no weight.
    """
    zdim, off = len(model.kl_per_latent), model.off
    if not zdim or not (variances or not off):
        return None
    if not (math.isfinite(model.sigma) and model.sigma > 0 and model.beta > 0):
        return None
    evidence: Evidence = "linear theory" if model.linear else "linear comparison"
    left = list(variances[zdim - len(off) : zdim])
    if measured:
        evidence, left = "unexplained variance", list(variances[: len(off)])
    useful = [variance for variance in left if variance >= model.edge and variance > 0]
    undecided = model.early or (evidence == "linear comparison" and bool(useful))
    latents: list[Reason] = ["in use"] * zdim
    for rank, latent in enumerate(off):
        latents[latent] = "expected" if rank >= len(useful) else "open" if undecided else "lost"
    if model.early:
        latents = ["open" if reason == "expected" else reason for reason in latents]
    counts: dict[Reason, int] = {
        "expected": latents.count("expected"),
        "lost": latents.count("lost"),
        "open": latents.count("open"),
    }
    beyond = () if measured else _beyond(model, variances)
    gain = None if undecided else math.fsum(map(model.gain, useful))
    return PosteriorCollapse(
        latents=tuple(latents),
        sigma=model.sigma,
        evidence=evidence,
        gain=gain,
        summary=_summary(model, counts),
        reasons=() if model.early else (*_reasons(model, evidence, counts, gain), *beyond),
        advice=() if model.early else _advice(model, counts, left, gain),
    )


def _summary(model: LatentKl, counts: Mapping[Reason, int]) -> str:
    zdim, off = len(model.kl_per_latent), len(model.off)
    at = f", epoch {model.epoch} of {model.epochs}" if model.epochs is not None and model.epoch < model.epochs else ""
    if not off:
        return f"all {zdim} latents are in use{at}"
    which = f"{off} of {zdim} latents {'is' if off == 1 else 'are'} off (KL < {OFF} nats)"
    if model.early:
        return f"{which}; too early to say why{at}"
    words = {"expected": "expected", "lost": "lost in training", "open": "that a linear model would use"}
    found = [f"{count} {words[reason]}" for reason, count in counts.items() if count]
    return f"{which}: {', '.join(found)}{at}"


def _reasons(model: LatentKl, evidence: Evidence, counts: Mapping[Reason, int], gain: float | None) -> tuple[str, ...]:
    scaled = model.beta * model.sigma**2
    threshold = f"{'' if model.beta == 1 else 'beta · '}sigma² = {scaled:.3g}" if model.edge else "0"
    maximised = "ELBO" if model.beta == 1 and model.edge else "objective"
    found = []
    if counts["lost"]:
        worth = f"{gain:.2f}" if gain is not None and gain >= _WORTH_SAYING else f"{gain or 0:.1g}"
        where = {
            "linear theory": f"the data vary by more than {threshold} in as many directions that are not used",
            "unexplained variance": f"what the model leaves unexplained varies by more than {threshold} in as many "
            "directions",
        }[evidence]
        found.append(
            f"{counts['lost']} lost in training: {where}; using them would add {worth} nats or more to the {maximised}"
        )
    if counts["open"]:
        found.append(
            f"{counts['open']} open: the data vary by more than {threshold} in as many "
            "directions, but this model may explain them with fewer latents; its evaluation measures whether it does"
        )
    if counts["expected"]:
        what = "what the model leaves unexplained varies" if evidence == "unexplained variance" else "the data vary"
        found.append(f"{counts['expected']} expected: {what} by less than {threshold} in every direction left for them")
    return tuple(found)


def _beyond(model: LatentKl, variances: Sequence[float]) -> tuple[str, ...]:
    """What to say of latents in use where the linear optimum has fewer."""
    zdim = len(model.kl_per_latent)
    optimal = sum(variance >= model.edge for variance in variances[:zdim])
    more = zdim - len(model.off) - optimal
    if more <= 0 or not variances:
        return ()
    if model.linear:
        return (f"{more} in use that the exact optimum leaves off: they fade with more --epochs",)
    return (f"{more} more in use than a linear model would use",)


def _advice(
    model: LatentKl, counts: Mapping[Reason, int], left: Sequence[float], gain: float | None
) -> tuple[str, ...]:
    found = []
    if counts["lost"] and gain is not None and gain >= _WORTH_SAYING:
        start = f"--sigma {model.sigma:.2g}, fixed from the start, or " if model.learned else ""
        slower = "" if model.linear else ", perhaps at a lower --lr or with --kl-warmup"
        how = f"{start}more --epochs{slower}"
        found.append(f"for those lost: {how}; compare the ELBO")
    if counts["open"]:
        found.append("to know: evaluate the model (key e, or tui-vae evaluate)")
    if counts["expected"]:
        zdim = len(model.kl_per_latent)
        below = math.sqrt(max(0.0, left[-1]) / EDGE / model.beta) if len(left) == len(model.off) else 0.0
        effect = "uses them all at the optimum" if model.linear else "leaves each of them something to explain"
        smaller = f"--sigma below {_rounded_down(below)} {effect}; " if below > 0 else ""
        found.append(f"for those expected: {smaller}for this sigma --zdim {zdim - counts['expected']} is enough")
    return tuple(found)


def _rounded_down(value: float) -> str:
    """Write two significant digits, not above the value."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.floor(value / unit + 1e-9) * unit:.2g}"
