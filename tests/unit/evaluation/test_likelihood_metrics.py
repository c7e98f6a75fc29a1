"""Likelihoods as metrics: only those that are asked for, the means of single images, and losses that add up."""

from __future__ import annotations

import math

import pytest
import torch

from tests.numerics.linear_models import perturbed_vae
from tests.unit.evaluation.small_suite import DEEP, LINEAR, config, subject
from tui_vae.config import EvaluationConfig, ModelSpec
from tui_vae.data import Split
from tui_vae.errors import TuiVaeError, UsageError
from tui_vae.evaluation import likelihood_metrics
from tui_vae.evaluation.likelihood_metrics import Likelihoods, measure_likelihoods
from tui_vae.evaluation.ppca import LinearOptimum, covariance, linear_log_likelihood, linear_optimum
from tui_vae.evaluation.progress import Phases
from tui_vae.metrics import NORMAL_QUANTILE, MetricValue
from tui_vae.model import VAE

LIKELIHOODS = ("elbo", "reconstruction", "kl", "exact_log_likelihood", "decoder_loss", "encoder_gap", "iwae")


@pytest.fixture(scope="module")
def optimum(mnist: tuple[Split, Split]) -> LinearOptimum:
    return linear_optimum(covariance(mnist[0].images[:512]), 4, 0.2)


@pytest.fixture(scope="module")
def images(mnist: tuple[Split, Split]) -> torch.Tensor:
    return mnist[1].images[:80]


def measure(
    vae: VAE, images: torch.Tensor, chosen: EvaluationConfig, optimum: LinearOptimum | None = None
) -> Likelihoods:
    phases = Phases(lambda doing, share: None, 1)
    return measure_likelihoods(vae, images, chosen, optimum=optimum, seed=3, phases=phases)


def by_name(found: Likelihoods) -> dict[str, MetricValue]:
    return {value.metric: value for value in found.values}


def test_the_losses_of_a_linear_model_add_up(optimum: LinearOptimum, images: torch.Tensor) -> None:
    vae = perturbed_vae(optimum, 0.3)
    found = measure(vae, images, config(*LIKELIHOODS), optimum)
    values = {name: value.value for name, value in by_name(found).items()}
    limit = float(linear_log_likelihood(images, optimum.weight, optimum.mean, optimum.sigma).mean())
    assert values["decoder_loss"] + values["encoder_gap"] == pytest.approx(limit - values["elbo"], abs=1e-6)
    assert values["decoder_loss"] == pytest.approx(limit - values["exact_log_likelihood"], abs=1e-6)
    assert values["elbo"] == pytest.approx(values["reconstruction"] - values["kl"], abs=1e-6)
    # Both are losses here by far more than their errors: the decoder was moved away from the optimum, the encoder too.
    assert values["decoder_loss"] > 1
    assert values["encoder_gap"] > 1


def test_a_metric_is_the_mean_of_its_images_with_the_interval_of_that(
    optimum: LinearOptimum, images: torch.Tensor
) -> None:
    found = measure(perturbed_vae(optimum), images, config(*LIKELIHOODS), optimum)
    values = by_name(found)
    assert set(found.per_image) == {"elbo", "reconstruction", "kl", "exact_log_likelihood", "iwae"}
    for name, single in found.per_image.items():
        assert single.dtype == torch.float64
        assert single.shape == (80,)
        assert values[name].value == pytest.approx(float(single.mean()), rel=1e-12)
        half = NORMAL_QUANTILE * float(single.std()) / math.sqrt(80)
        low, high = values[name].interval or (math.nan, math.nan)
        assert (low, high) == pytest.approx((values[name].value - half, values[name].value + half))
        assert values[name].n == 80
    weight, bias = (p.detach() for p in (perturbed_vae(optimum).decoder.net[0].parameters()))
    exact = linear_log_likelihood(images, weight, bias, optimum.sigma)
    torch.testing.assert_close(found.per_image["exact_log_likelihood"], exact, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", [*LIKELIHOODS, "active_units"])
@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=str)
def test_only_what_is_asked_for_is_given(
    optimum: LinearOptimum, images: torch.Tensor, name: str, spec: ModelSpec
) -> None:
    linear = spec is LINEAR
    found = measure(subject(spec).vae, images, config(name), optimum if linear else None)
    of_linear_models = name in ("exact_log_likelihood", "decoder_loss", "encoder_gap")
    expected = {name} if linear or not of_linear_models else set()
    assert set(by_name(found)) == expected
    assert set(found.per_image) == expected - {"active_units", "decoder_loss", "encoder_gap"}
    assert len(found.use.kl_per_latent) == 4


def test_what_is_not_asked_for_is_not_computed(
    optimum: LinearOptimum, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("nobody asked for this")

    for name in ("iwae_bound", "exact_log_likelihood", "linear_losses", "ais", "bdmc"):
        monkeypatch.setattr(likelihood_metrics, name, forbidden)
    assert set(by_name(measure(subject(LINEAR).vae, images, config("elbo", "kl"), optimum))) == {"elbo", "kl"}


def test_annealing_is_measured_when_asked_for(optimum: LinearOptimum, images: torch.Tensor) -> None:
    vae = perturbed_vae(optimum)
    names = ("exact_log_likelihood", "ais", "ais_gap", "ais_acceptance")
    found = measure(vae, images[:6], config(*names, ais_images=3, ais_steps=60), optimum)
    values = by_name(found)
    assert set(values) == set(names)
    assert found.per_image["ais"].shape == (3,)
    exact = found.per_image["exact_log_likelihood"][:3]
    # Unbiased in the weights, so within nats after few steps; test_annealing holds it to half a nat.
    assert float((found.per_image["ais"] - exact).abs().max()) < 5
    assert 0 < values["ais_acceptance"].value <= 1
    sources = {name: values[name].source for name in names[1:]}
    assert sources == {
        "ais": "test images, 60 steps",
        "ais_gap": "simulated images, 60 steps",
        "ais_acceptance": "test images, 60 steps",
    }


def test_iwae_is_given_on_the_images_of_annealing_too(images: torch.Tensor) -> None:
    names = ("iwae", "ais", "ais_iwae")
    options = {"ais_images": 3, "ais_steps": 3, "ais_chains": 2, "iwae_samples": 5}
    both = measure(subject(DEEP).vae, images[:6], config(*names, **options))
    assert torch.equal(both.per_image["ais_iwae"], both.per_image["iwae"][:3])
    alone = by_name(measure(subject(DEEP).vae, images[:6], config("ais_iwae", **options)))
    assert set(alone) == {"ais_iwae"}
    values = by_name(both)
    assert (values["iwae"].n, values["ais"].n, values["ais_iwae"].n, alone["ais_iwae"].n) == (6, 3, 3, 3)
    assert values["ais"].source == "test images, 3 steps, 2 chains"
    asked = EvaluationConfig.of_options({"metrics": ("elbo", "iwae", "ais"), "ais_images": 128})
    assert asked.metrics == ("elbo", "iwae", "ais", "ais_iwae")


@pytest.mark.filterwarnings("error")
def test_nothing_warns_of_a_sigma_that_was_learned(images: torch.Tensor) -> None:
    vae = VAE.from_spec(DEEP, 4, "learned", torch.Generator().manual_seed(1))
    found = measure(vae, images[:6], config("elbo", "iwae", "ais", ais_images=2, ais_steps=3))
    assert set(by_name(found)) == {"elbo", "iwae", "ais"}
    assert vae.decoder.log_sigma.requires_grad


def test_bounds_of_other_sizes_have_other_sources(images: torch.Tensor) -> None:
    vae = subject(DEEP).vae
    sources = {by_name(measure(vae, images[:4], config("iwae", iwae_samples=k)))["iwae"].source for k in (1, 2, 3)}
    assert sources == {f"test images, K = {k}" for k in (1, 2, 3)}


def test_the_memory_allowed_does_not_change_the_numbers(images: torch.Tensor) -> None:
    vae = subject(DEEP).vae
    few, many = (
        measure(vae, images, config("elbo", "iwae", iwae_samples=40, memory=memory)).per_image
        for memory in (2.0**-12, 1.0)
    )
    for name in ("elbo", "iwae"):
        torch.testing.assert_close(few[name], many[name], rtol=1e-6, atol=1e-4)


def test_too_little_memory_is_refused(images: torch.Tensor) -> None:
    with pytest.raises(UsageError, match="of memory, more than the 1,073 allowed"):
        measure(subject(DEEP).vae, images, config("iwae", memory=1e-6))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_reported_in_one_line(images: torch.Tensor, bad: float) -> None:
    vae = subject(DEEP).vae
    with torch.no_grad():
        vae.decoder.net[0].weight[3, 1] = bad
    with pytest.raises(TuiVaeError) as caught:
        measure(vae, images, config("elbo"))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_a_single_image_has_no_interval(optimum: LinearOptimum, images: torch.Tensor) -> None:
    found = measure(perturbed_vae(optimum), images[:1], config(*LIKELIHOODS), optimum)
    assert {value.interval for value in found.values} == {None}
