"""The likelihood of test images under a model, as metrics with intervals: bounds, estimates, and the exact answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from tui_vae.config import EvaluationConfig
from tui_vae.evaluation.likelihood.ais import AisConfig, ais
from tui_vae.evaluation.likelihood.bdmc import bdmc
from tui_vae.evaluation.likelihood.bounds import Elbo, LatentUse, elbo_per_image, iwae_bound
from tui_vae.evaluation.ppca import LinearOptimum, LossEstimate, exact_log_likelihood, linear_losses
from tui_vae.evaluation.progress import Phases
from tui_vae.metrics import NORMAL_QUANTILE, MetricValue
from tui_vae.model import VAE

_SOURCE = "test images"

# Weights are seconds on two cores with 10,000 images, and count by their proportions.
_BOTH_SIDES = 1.8
"""Cost of bidirectional annealing relative to annealing in one direction."""


@dataclass(frozen=True)
class Likelihoods:
    """Likelihood metrics of one model.

    Attributes:
        values: The metrics.
        per_image: By metric, float64 ``(n,)``: the same images in the same order for every model.
        use: Of the latents.
    """

    values: tuple[MetricValue, ...]
    per_image: dict[str, Tensor]
    use: LatentUse


def measure_likelihoods(
    vae: VAE,
    images: Tensor,
    config: EvaluationConfig,
    *,
    optimum: LinearOptimum | None,
    seed: int,
    phases: Phases,
) -> Likelihoods:
    """Measure the likelihood metrics of the configuration.

    Args:
        vae: The model.
        images: uint8, or dequantised in [0, 1], ``(n, 784)``, on the model's device.
        config: Metrics and sizes.
        optimum: Of the model's training images, if the model is linear.
        seed: Decides on every draw.
        phases: Progress of the phases.

    Raises:
        UsageError: The memory allowed is too small.
        EvaluationError: Weights or likelihoods are not finite.
    """
    elbo = elbo_per_image(vae, images, seed=seed, memory=config.buffer_bytes, report=phases.begin("ELBO", 0.4))
    per_image = {"elbo": elbo.elbo, "reconstruction": elbo.reconstruction, "kl": elbo.kl}
    if "exact_log_likelihood" in config.metrics and vae.decoder.only_layer is not None:
        phases.begin("exact likelihood", 0.1)
        per_image["exact_log_likelihood"] = exact_log_likelihood(vae, images).cpu()
    if "iwae" in config.metrics:
        bound = iwae_bound(
            vae,
            images,
            config.iwae_samples,
            seed=seed,
            memory=config.buffer_bytes,
            report=phases.begin(f"IWAE-{config.iwae_samples}", _iwae_weight(vae, config)),
        )
        per_image["iwae"] = bound.values
    annealing: list[MetricValue] = []
    if config.ais_images:
        annealing, per_image["ais"] = _annealing(vae, images[: config.ais_images], config, seed, phases)
    # Different K or numbers of steps are different bounds: the source names them.
    sources = {"iwae": f"{_SOURCE}, K = {config.iwae_samples}", "ais": f"{_SOURCE}, {config.ais_steps} steps"}
    per_image = {name: values for name, values in per_image.items() if name in config.metrics}
    values = [_of_images(name, found, sources.get(name, _SOURCE)) for name, found in per_image.items()]
    values += [*annealing, *_of_latents(elbo, config)]
    if optimum is not None:
        values += _losses(vae, images, optimum, elbo, config)
    return Likelihoods(tuple(values), per_image, elbo.use)


def likelihood_weight(vae: VAE, config: EvaluationConfig) -> float:
    """Approximate total weight of the phases of :func:`measure_likelihoods`."""
    iwae = _iwae_weight(vae, config) if "iwae" in config.metrics else 0.0
    return 0.5 + iwae + (1 + _BOTH_SIDES) * _ais_weight(vae, config)


def _iwae_weight(vae: VAE, config: EvaluationConfig) -> float:
    return config.iwae_samples * (0.005 + 1e-7 * vae.parameter_counts().decoder)


def _ais_weight(vae: VAE, config: EvaluationConfig) -> float:
    return config.ais_images * config.ais_steps * (2e-5 + 8e-10 * vae.parameter_counts().decoder)


def _annealing(
    vae: VAE, images: Tensor, config: EvaluationConfig, seed: int, phases: Phases
) -> tuple[list[MetricValue], Tensor]:
    """AIS diagnostics, and log p(x) of each image by AIS.

    The gap is of images that the model made, the acceptance of the test images.
    """
    plan, weight = AisConfig(steps=config.ais_steps), _ais_weight(vae, config)
    memory = config.buffer_bytes
    found = ais(vae, images, plan, seed=seed, memory=memory, report=phases.begin("AIS", weight))
    report = phases.begin("AIS from both sides", _BOTH_SIDES * weight)
    gap = bdmc(vae, len(images), plan, seed=seed, memory=memory, report=report).gap
    steps = f"{plan.steps} steps"
    accepted = MetricValue("ais_acceptance", found.mean_acceptance, None, None, len(images), f"{_SOURCE}, {steps}")
    diagnostics = {
        "ais_gap": _of_images("ais_gap", gap.values, f"simulated images, {steps}"),
        "ais_acceptance": accepted,
    }
    return [value for name, value in diagnostics.items() if name in config.metrics], found.estimate.values


def _of_images(metric: str, values: Tensor, source: str) -> MetricValue:
    """The mean over images, with the interval of choosing other images."""
    mean, n = float(values.mean()), len(values)
    error = float(values.std()) / math.sqrt(n) if n > 1 else math.nan
    return MetricValue(metric, mean, _interval(mean, error), None, n, source)


def _of_latents(elbo: Elbo, config: EvaluationConfig) -> list[MetricValue]:
    if "active_units" not in config.metrics:
        return []
    return [MetricValue("active_units", float(elbo.use.active_units), None, None, len(elbo.kl), _SOURCE)]


def _losses(
    vae: VAE, images: Tensor, optimum: LinearOptimum, elbo: Elbo, config: EvaluationConfig
) -> list[MetricValue]:
    """Where a linear model loses against the limit: in its decoder, and in its encoder."""
    if not {"decoder_loss", "encoder_gap"} & set(config.metrics):
        return []
    losses = linear_losses(vae, images, optimum, elbo.elbo)
    named: dict[str, LossEstimate] = {"decoder_loss": losses.decoder, "encoder_gap": losses.encoder}
    return [
        MetricValue(name, loss.mean, _interval(loss.mean, loss.standard_error), None, len(images), _SOURCE)
        for name, loss in named.items()
        if name in config.metrics
    ]


def _interval(mean: float, error: float) -> tuple[float, float] | None:
    if not math.isfinite(error):
        return None
    return mean - NORMAL_QUANTILE * error, mean + NORMAL_QUANTILE * error
