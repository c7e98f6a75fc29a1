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
_DEQUANTIZED = "dequantised test images"

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
    per_image |= _importance_weighted(vae, images, config, seed, phases)
    annealing: list[MetricValue] = []
    if config.ais_images:
        annealing, per_image["ais"] = _annealing(vae, images[: config.ais_images], config, seed, phases)
    source, of_iwae = _source(config), f"K = {config.iwae_samples}"
    # Different K, steps or chains are different bounds: the source names them.
    sources = {"iwae": f"{source}, {of_iwae}", "ais_iwae": f"{source}, {of_iwae}", "ais": f"{source}, {_steps(config)}"}
    per_image = {name: values for name, values in per_image.items() if name in config.metrics}
    values = [_of_images(name, found, sources.get(name, source)) for name, found in per_image.items()]
    values += [*annealing, *_of_latents(elbo, config)]
    if optimum is not None:
        values += _losses(vae, images, optimum, elbo, config)
    return Likelihoods(tuple(values), per_image, elbo.use)


def _importance_weighted(
    vae: VAE, images: Tensor, config: EvaluationConfig, seed: int, phases: Phases
) -> dict[str, Tensor]:
    """IWAE of all images, and of those of AIS among them, which are the first; each where it is asked for."""
    wanted = {"iwae", "ais_iwae"} & set(config.metrics)
    if not wanted:
        return {}
    bound = iwae_bound(
        vae,
        images if "iwae" in wanted else images[: config.ais_images],
        config.iwae_samples,
        seed=seed,
        memory=config.buffer_bytes,
        report=phases.begin(f"IWAE-{config.iwae_samples}", _iwae_weight(vae, config)),
    )
    return {"iwae": bound.values, "ais_iwae": bound.values[: config.ais_images]}


def _source(config: EvaluationConfig) -> str:
    return _DEQUANTIZED if config.dequantize else _SOURCE


def _steps(config: EvaluationConfig) -> str:
    chains = "" if config.ais_chains == AisConfig().chains else f", {config.ais_chains} chains"
    return f"{config.ais_steps} steps{chains}"


def likelihood_weight(vae: VAE, config: EvaluationConfig) -> float:
    """Approximate total weight of the phases of :func:`measure_likelihoods`."""
    iwae = _iwae_weight(vae, config) if {"iwae", "ais_iwae"} & set(config.metrics) else 0.0
    return 0.5 + iwae + (1 + _BOTH_SIDES) * _ais_weight(vae, config)


def _iwae_weight(vae: VAE, config: EvaluationConfig) -> float:
    return config.iwae_samples * (0.005 + 1e-7 * vae.parameter_counts().decoder)


def _ais_weight(vae: VAE, config: EvaluationConfig) -> float:
    of_chains = config.ais_chains / AisConfig().chains
    return config.ais_images * config.ais_steps * of_chains * (2e-5 + 8e-10 * vae.parameter_counts().decoder)


def _annealing(
    vae: VAE, images: Tensor, config: EvaluationConfig, seed: int, phases: Phases
) -> tuple[list[MetricValue], Tensor]:
    """AIS diagnostics, and log p(x) of each image by AIS.

    The gap is of images that the model made, the acceptance of the test images.
    """
    plan, weight = AisConfig(steps=config.ais_steps, chains=config.ais_chains), _ais_weight(vae, config)
    memory = config.buffer_bytes
    found = ais(vae, images, plan, seed=seed, memory=memory, report=phases.begin("AIS", weight))
    report = phases.begin("AIS from both sides", _BOTH_SIDES * weight)
    gap = bdmc(vae, len(images), plan, seed=seed, memory=memory, report=report).gap
    steps = _steps(config)
    source = f"{_source(config)}, {steps}"
    accepted = MetricValue("ais_acceptance", found.mean_acceptance, None, None, len(images), source)
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
    return [MetricValue("active_units", float(elbo.use.active_units), None, None, len(elbo.kl), _source(config))]


def _losses(
    vae: VAE, images: Tensor, optimum: LinearOptimum, elbo: Elbo, config: EvaluationConfig
) -> list[MetricValue]:
    """Where a linear model loses against the limit: in its decoder, and in its encoder."""
    if not {"decoder_loss", "encoder_gap"} & set(config.metrics):
        return []
    losses = linear_losses(vae, images, optimum, elbo.elbo)
    named: dict[str, LossEstimate] = {"decoder_loss": losses.decoder, "encoder_gap": losses.encoder}
    return [
        MetricValue(name, loss.mean, _interval(loss.mean, loss.standard_error), None, len(images), _source(config))
        for name, loss in named.items()
        if name in config.metrics
    ]


def _interval(mean: float, error: float) -> tuple[float, float] | None:
    if not math.isfinite(error):
        return None
    return mean - NORMAL_QUANTILE * error, mean + NORMAL_QUANTILE * error
