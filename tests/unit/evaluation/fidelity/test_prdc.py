"""Precision, recall, density and coverage against plain matrices, and their errors against leaving out each sample."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import distance_matrix, each_left_out, jackknife, kth_other, normal
from tests.unit.evaluation.fidelity.points import normal_features as features_of
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity import knn
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.knn import nearest_others
from tui_vae.evaluation.fidelity.prdc import K, Prdc, check_enough_for_prdc, prdc


def measured(features: Features, k: int = K) -> Prdc:
    return prdc(features, nearest_others(features.generated, k + 1), nearest_others(features.reference, k), k)


def plain(features: Features, k: int = K) -> dict[str, float]:
    """The definitions of the two papers, from whole matrices."""
    across = distance_matrix(features.reference, features.generated)
    in_data = across <= kth_other(features.reference, k)[:, None]
    in_samples = across <= kth_other(features.generated, k)
    return {
        "precision": float(in_data.any(0).double().mean()),
        "recall": float(in_samples.any(1).double().mean()),
        "density": float(in_data.sum(0).double().mean()) / k,
        "coverage": float(in_data.any(1).double().mean()),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(("n", "m"), [(60, 50), (200, 300)])
def test_the_definitions(n: int, m: int, shift: float, k: int) -> None:
    features = features_of(n, m, shift=shift)
    result = measured(features, k)
    assert {name: getattr(result, name).value for name in plain(features)} == pytest.approx(plain(features, k))
    assert {getattr(result, name).n for name in plain(features)} == {n}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["recall", "coverage"])
def test_errors_are_those_of_leaving_out_each_sample(name: str, seed: int) -> None:
    k = 1 + seed % 3
    features = features_of(n=25 + seed, m=30, d=2, seed=seed, shift=0.25 * (seed % 4))
    expected = jackknife([plain(rest, k)[name] for rest in each_left_out(features)])
    assert expected > 0
    assert getattr(measured(features, k), name).error == pytest.approx(expected, rel=1e-9)


def test_errors_of_what_each_sample_adds_by_itself() -> None:
    features = features_of(300, 200)
    across = distance_matrix(features.reference, features.generated)
    balls = (across <= kth_other(features.reference, K)[:, None]).sum(0).double() / K
    assert measured(features).density.error == pytest.approx(float(balls.std()) / 300**0.5)
    share = float((balls > 0).double().mean())
    assert measured(features).precision.error == pytest.approx((share * (1 - share) / 300) ** 0.5, rel=0.1)


def test_blocked_equals_unblocked(monkeypatch: pytest.MonkeyPatch) -> None:
    features = features_of(200, 150)
    whole = measured(features)
    monkeypatch.setattr(knn, "TILE_ELEMENTS", 450)
    assert measured(features) == whole


def test_equal_sets() -> None:
    x = normal(200, 4)
    result = measured(Features(x, x.clone()))
    assert (result.precision.value, result.recall.value, result.coverage.value) == (1, 1, 1)


def test_disjoint_sets() -> None:
    result = measured(Features(normal(200, 4, shift=100), normal(150, 4)))
    values = (result.precision.value, result.recall.value, result.density.value, result.coverage.value)
    assert values == (0, 0, 0, 0)


def test_samples_that_are_all_the_same() -> None:
    """A collapsed model: its image may be good, but shows nothing of the data."""
    data = normal(200, 2)
    result = measured(Features(data[:1].repeat(100, 1), data))
    assert result.precision.value == 1
    assert result.recall.value == 1 / 200
    assert result.coverage.value < 0.1


@pytest.mark.parametrize("few", [2, K + 1])
def test_too_few_images(few: int) -> None:
    with pytest.raises(UsageError, match=f"{few} generated images.*at least {K + 2}"):
        check_enough_for_prdc(Features(normal(few, 2), normal(30, 2)))
    with pytest.raises(UsageError, match=f"{few} reference images"):
        check_enough_for_prdc(Features(normal(30, 2), normal(few, 2)))
    check_enough_for_prdc(Features(normal(K + 2, 2), normal(K + 2, 2)))
    assert torch.isfinite(torch.tensor(measured(Features(normal(K + 2, 2), normal(K + 2, 2, 1))).recall.error))
