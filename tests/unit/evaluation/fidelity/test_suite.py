"""All metrics at once: their names, what they share, and what is refused before anything is computed."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import normal, normal_features
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.features import Features
from tui_vae.evaluation.fidelity.suite import class_metrics, feature_metrics, reference_neighbours
from tui_vae.metrics import METRICS


def test_all_metrics_have_names_of_the_registry() -> None:
    features = normal_features(300, 200)
    results = feature_metrics(features) | class_metrics(torch.full((300, 10), 0.1))
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
