"""The whole of what is measured of a model: what is asked for, the same twice, and nothing else is changed by it."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.numerics.linear_models import optimal_vae
from tests.unit.evaluation.small_suite import (
    DEEP,
    LINEAR,
    RUN,
    TRAINED_ON,
    Told,
    assert_rises,
    config,
    measured,
    names,
    subject,
    suite,
    unheard,
)
from tui_vae.config import ModelSpec
from tui_vae.data import Split
from tui_vae.errors import TuiVaeError, UsageError
from tui_vae.evaluation import pictures
from tui_vae.evaluation import suite as suite_module
from tui_vae.evaluation.classifier import FEATURES
from tui_vae.evaluation.ppca import covariance, linear_log_likelihood, linear_optimum
from tui_vae.evaluation.suite import Evaluated, shuffled
from tui_vae.metrics import METRICS, NOISY, is_metric

Mnist = tuple[Split, Split]


@pytest.fixture(scope="module", autouse=True)
def _short_chains() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pictures, "CHAIN_TIMES", (0, 1, 10))
        yield


@pytest.fixture(scope="module")
def evaluated(mnist: Mnist) -> dict[str, Evaluated]:
    """Both models by the name of the spec, with all that is measured by default."""
    both = suite(mnist, config())
    return {spec.name: both.evaluate(subject(spec), lambda doing, share: None) for spec in (LINEAR, DEEP)}


def test_all_metrics_are_given_in_the_order_of_the_catalogue(evaluated: dict[str, Evaluated]) -> None:
    order = [*METRICS, *(f"{name}{NOISY}" for name in METRICS)]
    for name, found in evaluated.items():
        assert names(found) == sorted(set(names(found)), key=order.index)
        assert all(map(is_metric, names(found)))
        missing = set(config().metrics) - set(names(found))
        assert missing == (set() if name == "linear" else {"exact_log_likelihood", "decoder_loss", "encoder_gap"})
        assert all(math.isfinite(value.value) for value in found.metrics)


def test_what_is_scored_on_samples_has_a_floor(evaluated: dict[str, Evaluated]) -> None:
    for value in evaluated["deep"].metrics:
        of_samples = value.source in ("decoder means", "noisy samples")
        assert (value.floor is not None) == of_samples
        assert value.metric.endswith(NOISY) == (value.source == "noisy samples")


def test_the_rest_of_the_results_fits_the_model(evaluated: dict[str, Evaluated], mnist: Mnist) -> None:
    found = evaluated["linear"]
    kl = next(value for value in found.metrics if value.metric == "kl")
    assert sum(found.kl_per_latent) == pytest.approx(kl.value, rel=1e-5)
    assert sum(found.class_shares) == pytest.approx(1)
    optimum = linear_optimum(covariance(mnist[0].images[:TRAINED_ON]), RUN.zdim, RUN.sigma)
    assert found.predicted_kl_per_latent == pytest.approx(optimum.kl_per_latent.tolist())
    assert evaluated["deep"].predicted_kl_per_latent is None
    # The limit is that of the training images of the run, not of the whole split.
    values = {value.metric: value.value for value in found.metrics}
    limit = linear_log_likelihood(shuffled(mnist[1]).images[:120], optimum.weight, optimum.mean, optimum.sigma).mean()
    assert values["elbo"] + values["decoder_loss"] + values["encoder_gap"] == pytest.approx(float(limit), rel=1e-6)


def test_latents_that_are_off_are_explained(mnist: Mnist) -> None:
    """Of a model that uses one of four latents; at this sigma the data have more than four directions to use."""
    trained_on = mnist[0].images[:TRAINED_ON]
    optimum = linear_optimum(covariance(trained_on), RUN.zdim, RUN.sigma)
    weight, kl = optimum.weight.clone(), optimum.kl_per_latent.clone()
    weight[:, 1:], kl[1:] = 0.0, 0.0
    vae = optimal_vae(dataclasses.replace(optimum, weight=weight, kl_per_latent=kl))
    for spec, evidence in ((LINEAR, "linear theory"), (DEEP, "unexplained variance")):
        trained = dataclasses.replace(subject(spec, vae), epoch=RUN.epochs)
        found = measured(mnist, config("elbo"), trained).collapse
        assert found is not None
        assert found.evidence == evidence
        assert found.latents.count("in use") == 1
        assert found.latents.count("lost") == 3
        # The other directions are those of the optimum, so that both kinds of evidence agree.
        ratios = optimum.eigenvalues[1:4] / RUN.sigma**2
        assert found.gain == pytest.approx(float(0.5 * (ratios - 1 - ratios.log()).sum()), rel=1e-4)
    assert measured(mnist, config("elbo"), subject(LINEAR, optimal_vae(optimum))).collapse.summary.startswith("all 4")


def test_fewer_test_images_are_a_random_part_the_same_for_every_run(mnist: Mnist) -> None:
    test = mnist[1]
    numbered = Split(test.images, (torch.arange(len(test)) // 100).to(torch.uint8))
    hundreds = shuffled(numbered).rows(0, 1000).labels.double()
    # The mean of 1,000 of 10,000 places drawn without replacement; the first 1,000 are 45 hundreds below it.
    error = 100 / math.sqrt(12 * 1000) * math.sqrt(0.9)
    assert float(hundreds.mean()) == pytest.approx(49.5, abs=4 * error)
    exact = [
        suite(mnist, config("exact_log_likelihood"), run=run)
        .evaluate(dataclasses.replace(subject(LINEAR), seed=run.seed), unheard)
        .per_image["exact_log_likelihood"]
        for run in (RUN, dataclasses.replace(RUN, seed=5))
    ]
    assert torch.equal(*exact)


def test_pictures_are_made_of_every_kind(evaluated: dict[str, Evaluated]) -> None:
    for found in evaluated.values():
        assert len({grid.kind for grid in found.grids}) == len(found.grids) == 10
        for grid in found.grids:
            assert grid.pixels.shape == (28 * len(grid.rows), 28 * len(grid.columns))


def test_twice_the_same_bits_and_neither_weights_nor_the_global_generator_are_touched(
    evaluated: dict[str, Evaluated], mnist: Mnist
) -> None:
    who = subject(DEEP)
    weights = copy.deepcopy(who.vae.state_dict())
    torch.manual_seed(123)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]
    # Alone, where the other one was measured after another model.
    again = measured(mnist, config(), who)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert all(torch.equal(who.vae.state_dict()[name], weight) for name, weight in weights.items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in who.vae.parameters())
    first = evaluated["deep"]
    assert again.metrics == first.metrics
    assert again.class_shares == first.class_shares
    assert again.kl_per_latent == first.kl_per_latent
    assert all(torch.equal(again.per_image[name], values) for name, values in first.per_image.items())
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(again.grids, first.grids, strict=True))


@pytest.mark.parametrize(
    ("metrics", "given"),
    [
        (("elbo",), ("elbo",)),
        (("active_units", "iwae"), ("active_units", "iwae")),
        (("precision", "kid"), ("precision", "kid", "precision_noisy", "kid_noisy")),
        (("class_entropy",), ("class_entropy", "class_entropy_noisy")),
        (("nearest_train_distance",), ("nearest_train_distance",)),
        (("decoder_loss",), ("decoder_loss",)),
    ],
    ids=str,
)
def test_only_what_is_asked_for_is_given(mnist: Mnist, metrics: tuple[str, ...], given: tuple[str, ...]) -> None:
    found = measured(mnist, config(*metrics), subject(LINEAR))
    assert set(names(found)) == set(given)
    assert set(found.per_image) <= set(metrics)
    drawn = bool({"precision", "class_entropy", "nearest_train_distance"} & set(metrics))
    assert bool(found.class_shares) == drawn


def test_no_classifier_is_asked_for_where_no_sample_is_scored(mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("nobody asked for this")

    for name in ("classifier_for", "make_reference", "prior_means", "prior_samples"):
        monkeypatch.setattr(suite_module, name, forbidden)
    assert names(measured(mnist, config("elbo"), subject())) == ["elbo"]


def test_dequantised_images_have_densities_of_their_own(mnist: Mnist) -> None:
    plain, noisy, again = (
        measured(mnist, config("elbo", dequantize=dequantize), subject()).per_image["elbo"]
        for dequantize in (False, True, True)
    )
    assert not torch.equal(plain, noisy)
    assert torch.equal(noisy, again)


@pytest.mark.parametrize(("trained", "asked", "measured_on"), [(True, None, True), (True, False, False)])
def test_test_images_are_dequantised_as_those_of_training_unless_asked_otherwise(
    trained: bool, asked: bool | None, measured_on: bool, mnist: Mnist
) -> None:
    run = dataclasses.replace(RUN, dequantize=trained)
    found = suite(mnist, config("elbo", dequantize=asked), run=run).evaluate(subject(), unheard)
    expected = measured(mnist, config("elbo", dequantize=measured_on), subject())
    assert torch.equal(found.per_image["elbo"], expected.per_image["elbo"])
    (value,) = found.metrics
    assert value.source == ("dequantised test images" if measured_on else "test images")


def test_progress_never_goes_back_and_does_not_pass_the_end(mnist: Mnist) -> None:
    shared: Told = []
    own: Told = []
    both = suite(mnist, config(), lambda doing, share: shared.append((doing, share)))
    both.evaluate(subject(LINEAR), lambda doing, share: own.append((doing, share)))
    for reported in (shared, own):
        assert_rises([share for _, share in reported])
        assert reported[-1][1] > 0.5  # the weights are about right
        assert all(doing for doing, _ in reported)
    assert {"ELBO", "IWAE-2", "fidelity", "pictures"} <= {doing for doing, _ in own}


@pytest.mark.parametrize("doing", ["ELBO", "fidelity", "pictures"])
def test_a_progress_callback_may_cancel_the_work(mnist: Mnist, doing: str) -> None:
    def end(what: str, share: float) -> None:
        if what == doing:
            raise KeyboardInterrupt

    both = suite(mnist, config("elbo", "precision"))
    with pytest.raises(KeyboardInterrupt):
        both.evaluate(subject(), end)


def test_too_few_samples_for_the_frechet_distance_are_refused_before_any_work(
    mnist: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("this may take minutes")

    with monkeypatch.context() as patched:
        patched.setattr(suite_module, "classifier_for", forbidden)
        with pytest.raises(UsageError, match=rf"no Fréchet distance: {FEATURES} samples .*more than {FEATURES}"):
            suite(mnist, config(samples=FEATURES))
        with pytest.raises(UsageError, match="bytes of memory; this machine allows"):
            suite(mnist, config(samples=100_000_000))
    found = measured(mnist, config("precision", "kid", samples=FEATURES), subject())
    assert {"precision", "kid"} < set(names(found))


@pytest.mark.parametrize("samples", [1, 2])
def test_very_few_samples_give_numbers_or_a_reason(mnist: Mnist, samples: int) -> None:
    def outcome(*metrics: str) -> list[str]:
        try:
            return names(measured(mnist, config(*metrics, samples=samples), subject()))
        except UsageError as error:
            return [str(error)]

    assert outcome("elbo", "kl", "iwae") == ["elbo", "kl", "iwae"]
    for name in ("nearest_train_distance", "class_entropy", "precision", "two_sample_1nn", "kid"):
        found = outcome(name)
        assert found[0].isprintable()
        assert "at least" in found[0] if samples == 1 or len(found[0]) > len(name) else found[0] == name


@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=str)
def test_weights_that_are_not_finite_are_reported_in_one_line(mnist: Mnist, spec: ModelSpec) -> None:
    who = subject(spec)
    with torch.no_grad():
        who.vae.encoder.net[0].weight[0, 0] = math.nan
    with pytest.raises(TuiVaeError) as caught:
        measured(mnist, config("elbo", "precision"), who)
    assert str(caught.value).isprintable()
