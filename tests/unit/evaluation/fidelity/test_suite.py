"""All metrics at once: their names, what they share, and what is refused before anything is computed."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import normal, normal_features
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.features import Features
from tui_vae.evaluation.fidelity.suite import (
    CLASS_METRICS,
    FEATURE_METRICS,
    class_metrics,
    feature_metrics,
    reference_neighbours,
)
from tui_vae.metrics import METRICS


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
def test_too_few_images_are_told_before_any_work(n: int, d: int, metric: str) -> None:
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
