"""The kernel distance against the sums over all pairs, one by one."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from tests.unit.evaluation.fidelity.points import each_left_out, jackknife, normal, normal_features
from tui_vae.evaluation.fidelity import kid
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.kid import kernel_distance


def pair_by_pair(x: Tensor, y: Tensor) -> float:
    """Gretton et al., JMLR 13 (2012), equation 3, with the cubic kernel."""

    def k(a: list[float], b: list[float]) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    xs, ys = x.double().tolist(), y.double().tolist()
    within_x = sum(k(a, b) for a, b in itertools.permutations(xs, 2)) / (len(xs) * (len(xs) - 1))
    within_y = sum(k(a, b) for a, b in itertools.permutations(ys, 2)) / (len(ys) * (len(ys) - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in xs for b in ys) / (len(xs) * len(ys))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 9), (40, 30)])
def test_of_one_subset(n: int, m: int) -> None:
    features = normal_features(n, m)
    result = kernel_distance(features)
    assert result.estimate.value == pytest.approx(pair_by_pair(features.generated, features.reference), rel=1e-9)
    assert result.estimate.n == n
    assert result.subset_deviation == 0


def test_mean_and_deviation_over_all_pairs_of_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "SUBSET_SIZE", 10)
    features = normal_features(35, 24)
    pairs = [
        pair_by_pair(x, y)
        for x in (features.generated[:12], features.generated[12:24], features.generated[24:])
        for y in (features.reference[:12], features.reference[12:])
    ]
    result = kernel_distance(features)
    assert result.estimate.value == pytest.approx(sum(pairs) / 6, rel=1e-9)
    assert result.subset_deviation == pytest.approx(float(torch.tensor(pairs, dtype=torch.float64).std()), rel=1e-9)


def test_a_hundred_pairs_of_a_thousand() -> None:
    assert [len(subset) for subset in kid._subsets(torch.zeros(10_000, 1))] == 10 * [1000]


def test_error_is_that_of_leaving_out_each_sample() -> None:
    features = normal_features(20, 25)
    expected = jackknife([pair_by_pair(rest.generated, rest.reference) for rest in each_left_out(features)])
    assert kernel_distance(features).estimate.error == pytest.approx(expected, rel=1e-9)


def test_error_is_that_of_leaving_out_each_sample_of_each_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "SUBSET_SIZE", 10)
    features = normal_features(20, 20)
    subsets = features.generated[:10], features.generated[10:]
    left_out = [
        (pair_by_pair(rest.generated, features.reference) + pair_by_pair(other, features.reference)) / 2
        for subset, other in (subsets, subsets[::-1])
        for rest in each_left_out(Features(subset, features.reference))
    ]
    # With one subset of the reference: what it adds within itself is the same for all.
    monkeypatch.setattr(kid, "_subsets", lambda values: values.double().split(10) if values is features.generated
                        else (values.double(),))  # fmt: skip
    assert kernel_distance(features).estimate.error == pytest.approx(jackknife(left_out), rel=1e-9)


def test_no_randomness_is_used() -> None:
    before = torch.get_rng_state()
    features = Features(normal(2500, 4), normal(2500, 4, 1))
    assert kernel_distance(features) == kernel_distance(features)
    assert torch.equal(torch.get_rng_state(), before)
