"""The kernel distance against the sums over all pairs, one by one."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from tests.unit.evaluation.fidelity.points import each_left_out, jackknife, normal, normal_features
from tui_vae.data import Split
from tui_vae.evaluation.classifier import extract_features, load_shipped
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
def test_the_u_statistic(n: int, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "_BLOCK", 16)
    features = normal_features(n, m)
    result = kernel_distance(features)
    assert result.value == pytest.approx(pair_by_pair(features.generated, features.reference), rel=1e-9)
    assert result.n == n


def test_error_is_that_of_leaving_out_each_sample() -> None:
    features = normal_features(20, 25)
    expected = jackknife([pair_by_pair(rest.generated, rest.reference) for rest in each_left_out(features)])
    assert kernel_distance(features).error == pytest.approx(expected, rel=1e-9)


def test_the_order_of_images_does_not_matter(mnist: tuple[Split, Split]) -> None:
    """That of the test images is not random: the first half is clearer."""
    train, test = (extract_features(load_shipped(), split.images[:1000]).features for split in mnist)
    shuffled = test[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))]
    value = kernel_distance(Features(train, test)).value
    assert value == pytest.approx(kernel_distance(Features(train, shuffled)).value, abs=1e-9)
    x, y = train.double(), test.double()
    kernels = [(a @ b.T / 64 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in kernels[:2]]
    assert value == pytest.approx(float(sum(within) - 2 * kernels[2].mean()), abs=1e-9)


def test_no_randomness_is_used() -> None:
    before = torch.get_rng_state()
    features = Features(normal(2500, 4), normal(2500, 4, 1))
    assert kernel_distance(features) == kernel_distance(features)
    assert torch.equal(torch.get_rng_state(), before)
