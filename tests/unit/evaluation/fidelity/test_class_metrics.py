"""Classes drawn, their entropy and the classifier score, with errors from leaving out each sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from tests.unit.evaluation.fidelity.points import jackknife, without
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.class_metrics import class_counts, class_entropy, classifier_score


def probabilities(n: int, sharpness: float = 3.0) -> torch.Tensor:
    return (sharpness * torch.randn(n, 10, generator=torch.Generator().manual_seed(n))).softmax(1)


def score(p: torch.Tensor) -> float:
    marginal = p.double().mean(0)
    return math.exp(float((p.double() * (p.double() / marginal).log()).sum(1).mean()))


def test_counts_include_classes_that_are_never_drawn() -> None:
    p = torch.eye(10)[[1, 1, 4, 9]]
    assert class_counts(p).tolist() == [0, 2, 0, 0, 1, 0, 0, 0, 0, 1]


def test_entropy() -> None:
    assert class_entropy(torch.tensor([1, 1, 2, 0])).value == pytest.approx(1.5 * math.log(2))
    assert class_entropy(torch.full((10,), 1000)).value == pytest.approx(math.log(10))
    assert class_entropy(torch.tensor([0, 50, 0])).value == 0
    assert class_entropy(torch.full((10,), 1000)).n == 10_000


def test_error_of_the_entropy() -> None:
    labels = [0] * 5 + [1] * 9 + [3] * 2
    counts = torch.bincount(torch.tensor(labels), minlength=4)
    left_out = [
        class_entropy(torch.bincount(without(torch.tensor(labels), i), minlength=4)).value for i in range(len(labels))
    ]
    assert class_entropy(counts).error == pytest.approx(jackknife(left_out), rel=1e-9)


def test_error_of_the_entropy_for_many_samples() -> None:
    """The delta method: Var = (sum p ln² p - H²) / n (Basharin 1959)."""
    counts = torch.tensor([4000, 3000, 2000, 1000]).double()
    p = counts / 10_000
    variance = float((p * p.log().square()).sum() - (p * p.log()).sum() ** 2) / 10_000
    assert class_entropy(counts).error == pytest.approx(math.sqrt(variance), rel=1e-3)


@pytest.mark.parametrize("n", [2, 30, 500])
def test_score(n: int) -> None:
    p = probabilities(n)
    estimate = classifier_score(p)
    assert (estimate.value, estimate.n) == (pytest.approx(score(p), rel=1e-9), n)
    assert estimate.error == pytest.approx(jackknife([score(without(p, i)) for i in range(n)]), rel=1e-7)


def test_bounds_of_the_score() -> None:
    assert classifier_score(torch.eye(10).repeat(20, 1)).value == pytest.approx(10)
    assert classifier_score(torch.full((200, 10), 0.1)).value == pytest.approx(1)
    assert classifier_score(torch.eye(10)[[3] * 200]).value == pytest.approx(1)


@pytest.mark.parametrize("measure", [class_counts, classifier_score])
def test_what_cannot_be_measured(measure: Callable[[torch.Tensor], object]) -> None:
    with pytest.raises(UsageError, match="probabilities: 1 of 5 are not finite"):
        measure(torch.cat((torch.full((1, 10), math.nan), torch.full((4, 10), 0.1))))
    with pytest.raises(UsageError, match="1 images"):
        measure(torch.full((1, 10), 0.1))
