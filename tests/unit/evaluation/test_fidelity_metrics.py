"""Fidelity metrics: each with its floor, only the requested ones, on the right images.

All metrics at once: their names, what they share, and what is refused before anything is computed.
"""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from torch import Tensor

from tests.unit.evaluation.fidelity.points import normal, normal_features
from tui_vae.data import Split
from tui_vae.errors import UsageError
from tui_vae.evaluation import fidelity_metrics
from tui_vae.evaluation.classifier import FEATURES, extract_features, load_shipped
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.frechet import frechet_distance
from tui_vae.evaluation.fidelity.knn import nearest_others
from tui_vae.evaluation.fidelity.prdc import K, prdc
from tui_vae.evaluation.fidelity_metrics import (
    CLASS_METRICS,
    FEATURE_METRICS,
    OF_NOISY_SAMPLES,
    OF_SAMPLES,
    RECALL_DRAWS,
    Reference,
    Samples,
    class_metrics,
    feature_metrics,
    make_reference,
    measure_samples,
    reference_neighbours,
)
from tui_vae.evaluation.progress import Phases
from tui_vae.metrics import METRICS, NOISY, MetricValue

N = 150
BETWEEN_0_AND_1 = [name for name in OF_SAMPLES if METRICS[name].unit == "%"]


def quiet() -> Phases:
    return Phases(lambda doing, share: None, 1)


def reference(
    mnist: tuple[Split, Split], metrics: frozenset[str] | set[str] = OF_SAMPLES, n: int = N, m: int = 2 * N
) -> Reference:
    train, test = mnist
    return make_reference(
        load_shipped(),
        test=test.images[:m],
        training=train.images[:400],
        samples=n,
        metrics=metrics,
        phases=quiet(),
    )


def measure(
    against: Reference, samples: Tensor, metrics: frozenset[str] | set[str] = OF_SAMPLES, suffix: str = ""
) -> dict[str, MetricValue]:
    values, _ = measure_samples(against, Samples(samples, "a test", suffix), metrics, phases=quiet())
    return {value.metric: value for value in values}


@pytest.fixture(scope="module")
def all_metrics(mnist: tuple[Split, Split]) -> Reference:
    return reference(mnist)


def test_other_test_images_are_at_the_floor_in_every_metric(all_metrics: Reference, mnist: tuple[Split, Split]) -> None:
    found = measure(all_metrics, mnist[1].images[N : 2 * N], OF_NOISY_SAMPLES)
    assert set(found) == OF_NOISY_SAMPLES
    for name, value in found.items():
        assert value.floor == pytest.approx(value.value, rel=1e-6)
        assert value.n == N
        assert value.source == "a test"
        if name != "recall":  # of one set of samples its error is not known
            assert value.floor_interval == pytest.approx(value.interval, rel=1e-6)
    assert found["recall"].interval is None
    low, high = found["recall"].floor_interval or (math.nan, math.nan)
    assert low < (found["recall"].floor or math.nan) < high


def test_where_there_are_not_twice_as_many_test_images_one_half_is_held_against_the_other(
    mnist: tuple[Split, Split],
) -> None:
    """The floor depends on the halves alone, and the samples are compared with all images all the same."""
    metrics = {"frechet_distance", "precision", "class_entropy"}
    whole = reference(mnist, metrics, n=2 * N, m=2 * N + 1)
    assert len(whole.images) == len(whole.features) == 2 * N
    assert whole.floor == reference(mnist, metrics).floor
    assert {estimate.n for estimate in whole.floor.values()} == {N}
    few = reference(mnist, metrics, n=100, m=FEATURES)
    assert set(few.floor) == {"precision", "class_entropy"}  # a half is too few for the Fréchet distance


def test_recall_is_the_median_of_draws_and_its_interval_their_range(all_metrics: Reference) -> None:
    draws = [all_metrics.training[10 * draw : 10 * draw + N] for draw in range(RECALL_DRAWS)]
    asked: list[int] = []

    def redraw(draw: int) -> Tensor:
        asked.append(draw)
        return draws[draw]

    samples = Samples(draws[0], "a test", redraw=redraw)
    (value,), _ = measure_samples(all_metrics, samples, {"recall"}, phases=quiet())
    assert asked == list(range(1, RECALL_DRAWS))
    classifier = load_shipped()
    single = [
        prdc(features, nearest_others(features.generated, K + 1), nearest_others(features.reference, K)).recall.value
        for features in (Features(extract_features(classifier, one).features, all_metrics.features) for one in draws)
    ]
    assert len(set(single)) > 3
    assert value.value == pytest.approx(statistics.median(single))
    assert value.interval == (min(single), max(single))
    assert value.n == N


def test_copies_of_training_images_are_at_no_distance_where_test_images_are(all_metrics: Reference) -> None:
    (value,) = measure(all_metrics, all_metrics.training[:N], {"nearest_train_distance"}).values()
    assert value.value == 0
    assert value.floor is not None
    differences = all_metrics.images[:, None].float() / 255 - all_metrics.training.float() / 255
    assert value.floor == pytest.approx(float(differences.norm(dim=2).min(1).values.mean()), rel=1e-4)


def test_the_frechet_distance_is_that_of_the_features_of_these_images(all_metrics: Reference) -> None:
    samples = 255 - all_metrics.images
    (value,) = measure(all_metrics, samples, {"frechet_distance"}).values()
    classifier = load_shipped()
    features = Features(
        extract_features(classifier, samples).features, extract_features(classifier, all_metrics.images).features
    )
    expected = frechet_distance(features)
    assert value.value == pytest.approx(expected.value, rel=1e-5)
    assert value.interval == pytest.approx(
        (expected.value - 1.96 * expected.error, expected.value + 1.96 * expected.error), rel=1e-3
    )


def test_noise_is_worse_than_the_floor(all_metrics: Reference) -> None:
    """Not in precision and density: to the classifier all noise looks alike, and some image like it."""
    noise = torch.randint(0, 256, (N, 784), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    names = {"frechet_distance", "kid", "recall", "coverage", "two_sample_1nn", "class_entropy"}
    found = measure(all_metrics, noise, names)
    assert set(found) == names
    for name, value in found.items():
        assert value.floor is not None
        assert (value.value < value.floor) == (METRICS[name].better == "higher"), name


def test_shares_have_intervals_of_shares(all_metrics: Reference) -> None:
    found = measure(all_metrics, torch.zeros(N, 784, dtype=torch.uint8))
    assert BETWEEN_0_AND_1
    assert found["recall"].interval is None
    for name in set(BETWEEN_0_AND_1) - {"recall"}:
        low, high = found[name].interval or (math.nan, math.nan)
        assert 0 <= low <= found[name].value <= high <= 1
        assert low < high


@pytest.mark.parametrize("name", sorted(OF_SAMPLES))
def test_only_what_is_asked_for_is_given_with_its_floor(mnist: tuple[Split, Split], name: str) -> None:
    against = reference(mnist, {name}, 80)
    assert set(against.floor) == {name}
    assert set(measure(against, mnist[1].images[-80:], {name})) == {name}


def test_what_is_not_asked_for_is_not_computed(mnist: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object, **options: object) -> None:
        raise AssertionError("nobody asked for this")

    for name in ("feature_metrics", "reference_neighbours", "nearest_training_distance"):
        monkeypatch.setattr(fidelity_metrics, name, forbidden)
    against = reference(mnist, {"class_entropy", "classifier_score"}, 30)
    assert set(measure(against, against.images, {"class_entropy"})) == {"class_entropy"}


def test_samples_with_noise_have_names_of_their_own_and_no_distance_to_training_images(all_metrics: Reference) -> None:
    found = measure(all_metrics, all_metrics.images, suffix=NOISY)
    assert set(found) == {f"{name}{NOISY}" for name in OF_NOISY_SAMPLES}
    assert all(value.floor is not None for value in found.values())


def test_too_few_images_are_refused_for_what_needs_more_and_for_nothing_else(mnist: tuple[Split, Split]) -> None:
    n = FEATURES
    images = mnist[0].images[500 : 500 + n]
    with pytest.raises(UsageError, match="no Fréchet distance") as caught:
        measure(reference(mnist, {"frechet_distance", "precision"}, n), images, {"frechet_distance", "precision"})
    assert str(caught.value).isprintable()
    others = OF_SAMPLES - {"frechet_distance"}
    against = reference(mnist, others, n)
    assert set(measure(against, images, others)) == others


def test_a_progress_callback_may_cancel_the_work(all_metrics: Reference) -> None:
    reported: list[str] = []

    def end_at(doing: str, share: float) -> None:
        reported.append(doing)
        if doing == "fidelity":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_samples(all_metrics, Samples(all_metrics.images, ""), OF_SAMPLES, phases=Phases(end_at, 1))
    assert "fidelity" in reported


def test_all_metrics_have_names_of_the_registry() -> None:
    features = normal_features(300, 200)
    results = feature_metrics(features) | class_metrics(torch.full((300, 10), 0.1))
    assert set(results) == FEATURE_METRICS | CLASS_METRICS
    assert set(results) <= set(METRICS)
    assert {estimate.n for estimate in results.values()} == {300}


def test_what_is_known_of_the_reference_changes_nothing() -> None:
    features = normal_features(300, 200)
    assert feature_metrics(features, reference_neighbours(features.reference)) == feature_metrics(features)


def test_progress_rises_to_one() -> None:
    shares: list[float] = []
    feature_metrics(normal_features(), report=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 5


@pytest.mark.parametrize(("n", "d", "metric"), [(20, 20, "Fréchet"), (6, 3, "precision and recall")])
def test_too_few_images_are_refused_before_any_work(n: int, d: int, metric: str) -> None:
    shares: list[float] = []
    with pytest.raises(UsageError, match=metric):
        feature_metrics(Features(normal(n, d), normal(100, d)), report=shares.append)
    assert shares == []


@pytest.mark.parametrize("name", sorted(FEATURE_METRICS))
def test_one_metric_is_what_it_is_among_all(name: str) -> None:
    features = normal_features()
    assert feature_metrics(features, wanted=[name]) == {name: feature_metrics(features)[name]}


def test_what_is_not_wanted_refuses_nothing() -> None:
    few = Features(normal(4, 20), normal(100, 20))
    assert set(feature_metrics(few, wanted=["kid", "two_sample_1nn"])) == {"kid", "two_sample_1nn"}
    with pytest.raises(UsageError, match="two-sample"):
        feature_metrics(Features(normal(2, 20), normal(100, 20)), wanted=["kid", "two_sample_1nn"])
    assert feature_metrics(few, wanted=["elbo"]) == {}
