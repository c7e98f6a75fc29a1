"""Means of weights that come in parts."""

from __future__ import annotations

import math

import pytest
import torch

from tui_vae.errors import TuiVaeError
from tui_vae.evaluation.likelihood.estimate import LikelihoodEstimate, LogMeanWeights


def test_parts_give_what_all_at_once_gives() -> None:
    weights = torch.rand(6, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = LogMeanWeights(6)
    for images in (slice(0, 4), slice(4, 6)):
        for draws in (slice(0, 3), slice(3, 10)):
            parts.add(images, weights[images, draws].log())
    estimate = parts.estimate()
    torch.testing.assert_close(estimate.values, weights.mean(1).log())
    torch.testing.assert_close(estimate.noise, weights.std(1) / math.sqrt(10) / weights.mean(1))
    torch.testing.assert_close(estimate.effective, weights.sum(1).square() / weights.square().sum(1))


def test_weights_far_beyond_what_exponentials_hold() -> None:
    whole = LogMeanWeights(2)
    whole.add(slice(0, 2), torch.tensor([[-9000.0, -9001.0], [9000.0, 9000.0]]))
    estimate = whole.estimate()
    assert estimate.values.tolist() == pytest.approx([-9000 + math.log((1 + math.exp(-1)) / 2), 9000])
    assert estimate.effective.tolist() == pytest.approx([(1 + math.exp(-1)) ** 2 / (1 + math.exp(-2)), 2])


def test_one_weight_tells_nothing_of_its_error() -> None:
    one = LogMeanWeights(1)
    one.add(slice(0, 1), torch.zeros(1, 1))
    assert math.isnan(float(one.estimate().noise))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_number_is_an_error_and_no_result(value: float) -> None:
    bad = LogMeanWeights(3)
    bad.add(slice(0, 3), torch.tensor([[0.0], [value], [0.0]]))
    with pytest.raises(TuiVaeError, match="likelihood of 1 of 3 images is not a finite number"):
        bad.estimate()


def test_mean_and_its_errors() -> None:
    values, noise = torch.tensor([1.0, 2.0, 6.0]).double(), torch.tensor([3.0, 0.0, 4.0]).double()
    estimate = LikelihoodEstimate(values, noise, torch.ones(3))
    assert estimate.mean == 3
    assert estimate.standard_error == pytest.approx(math.sqrt(7 / 3))
