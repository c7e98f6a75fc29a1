"""The two-sample test against the whole matrix of distances, and its traps."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import distance_matrix, each_left_out, jackknife, normal, normal_features
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.knn import nearest_others
from tui_vae.evaluation.fidelity.two_sample import TwoSampleTest, two_sample_test


def measured(features: Features) -> TwoSampleTest:
    among_generated = nearest_others(features.generated, min(2, len(features.generated) - 1))
    return two_sample_test(features, among_generated, nearest_others(features.reference, 1))


def plain(features: Features) -> tuple[float, float, float]:
    """Shares of both, of the reference and of the generated images whose nearest is of their kind."""
    x = torch.cat((features.reference, features.generated))
    kind = torch.arange(len(x)) >= len(features.reference)
    right = kind[distance_matrix(x, x).fill_diagonal_(float("inf")).argmin(1)] == kind
    reference, generated = float(right[~kind].double().mean()), float(right[kind].double().mean())
    return (reference + generated) / 2, reference, generated


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (200, 120)])
def test_the_definition(n: int, m: int, shift: float) -> None:
    features = normal_features(n, m, shift=shift)
    result = measured(features)
    assert (result.accuracy.value, result.on_reference.value, result.on_generated.value) == pytest.approx(
        plain(features)
    )


@pytest.mark.parametrize("seed", range(6))
def test_errors_are_those_of_leaving_out_each_sample(seed: int) -> None:
    features = normal_features(30 + seed, 30, d=2, seed=seed)
    left_out = [plain(rest) for rest in each_left_out(features)]
    result = measured(features)
    errors = (result.accuracy.error, result.on_reference.error, result.on_generated.error)
    assert errors == pytest.approx([jackknife(list(values)) for values in zip(*left_out, strict=True)], rel=1e-9)


def test_two_distributions_apart() -> None:
    assert measured(Features(normal(50, 3, shift=50), normal(50, 3))).accuracy.value == 1


def test_copies_of_the_reference_are_never_told_right() -> None:
    x = normal(100, 3)
    result = measured(Features(x.clone(), x))
    assert (result.accuracy.value, result.on_reference.value, result.on_generated.value) == (0, 0, 0)


def test_ties_count_half() -> None:
    """Every image has two twins or more of each kind."""
    x = normal(1, 3).repeat(40, 1)
    assert measured(Features(x.clone(), x)).accuracy.value == 0.5


def test_samples_crowded_within_the_data() -> None:
    """The parts tell what their mean does not: all are nearest to a sample, as in many dimensions the middle is."""
    result = measured(Features(0.5 * normal(200, 30), normal(200, 30, 1)))
    assert result.on_generated.value > 0.95
    assert result.on_reference.value < 0.2


def test_too_few_images() -> None:
    with pytest.raises(UsageError, match="2 generated images"):
        measured(Features(normal(2, 2), normal(30, 2)))
    assert measured(Features(normal(3, 2), normal(2, 2))).accuracy.n == 3


def test_progress_rises_to_one() -> None:
    features = normal_features()
    shares: list[float] = []
    two_sample_test(
        features, nearest_others(features.generated, 2), nearest_others(features.reference, 1), shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
