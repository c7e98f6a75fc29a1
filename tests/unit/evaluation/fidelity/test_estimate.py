"""Standard errors against the usual formulas and the definition of the jackknife.

Sets that cannot be measured are refused in one line.
"""

from __future__ import annotations

import math

import pytest
import torch

from tests.unit.evaluation.fidelity.points import jackknife, normal
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import (
    Features,
    MetricEstimate,
    jackknife_error,
    mean_estimate,
    proportion_estimate,
)
from tui_vae.evaluation.fidelity_metrics import feature_metrics


def test_error_of_a_mean() -> None:
    assert mean_estimate(torch.tensor([1, 2, 3, 6])) == MetricEstimate(3.0, pytest.approx(math.sqrt(14 / 3 / 4)), 4)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = torch.rand(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left_out = (values.sum() - values) / 49
    assert jackknife_error(left_out) == pytest.approx(mean_estimate(values).error, rel=1e-12)
    assert jackknife_error(left_out) == pytest.approx(jackknife(left_out.tolist()), rel=1e-12)


def test_error_of_a_share() -> None:
    hits = torch.arange(10_000) < 3000
    estimate = proportion_estimate(hits)
    assert (estimate.value, estimate.n) == (0.3, 10_000)
    assert estimate.error == pytest.approx(math.sqrt(0.3 * 0.7 / 10_000), rel=1e-3)


@pytest.mark.parametrize("share", [0, 1])
def test_all_or_nothing_is_not_certain(share: int) -> None:
    estimate = proportion_estimate(torch.full((20,), bool(share)))
    assert estimate.value == share
    # Clopper & Pearson's exact interval goes to 1 - 0.025^(1/20) = 0.168.
    assert 1.96 * estimate.error == pytest.approx(0.168, abs=0.06)


def test_what_no_sample_moves_has_an_interval_as_a_share_or_none() -> None:
    disjoint = Features(normal(200, 4, shift=100), normal(150, 4))
    for found in feature_metrics(
        disjoint, wanted=["precision", "recall", "density", "coverage", "two_sample_1nn"]
    ).values():
        low, high = found.interval or (math.nan, math.nan)
        assert low < found.value < high
        assert high - low < 0.07
    assert MetricEstimate(0.5, 0.0, 10).interval is None
    assert MetricEstimate(0.5, math.nan, 10).interval is None
    assert MetricEstimate(0.5, math.nan, 10, (0.4, 0.7)).interval == (0.4, 0.7)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["generated", "reference"])
def test_values_that_are_not_finite(bad: float, which: str) -> None:
    sets = {"generated": normal(20, 3), "reference": normal(30, 3)}
    sets[which][4, 1] = sets[which][4, 2] = sets[which][7, 0] = bad
    with pytest.raises(UsageError, match=f"{which} images: 2 of {len(sets[which])} are not finite") as error:
        Features(**sets)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n", [0, 1])
def test_a_set_needs_two_images(n: int) -> None:
    with pytest.raises(UsageError, match=f"{n} generated images"):
        Features(normal(n, 3), normal(5, 3))
    with pytest.raises(UsageError, match=f"{n} reference images"):
        Features(normal(5, 3), normal(n, 3))


@pytest.mark.parametrize(
    ("generated", "reference"),
    [
        (normal(5, 3), normal(5, 4)),
        (normal(5, 3).double(), normal(5, 3)),
        (normal(5, 3), torch.zeros(5, 3, dtype=torch.uint8)),
        (normal(5, 3)[0], normal(5, 3)),
    ],
)
def test_sets_that_do_not_fit(generated: torch.Tensor, reference: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="features are"):
        Features(generated, reference)
