"""How often the 95 % intervals of the fidelity metrics hold what they should, over many draws of the samples.

The value aimed at is the mean over all draws against the same reference set. With as many draws as there are here, a
right interval holds it in 95 % of them within four binomial errors.
"""

from __future__ import annotations

import math
from statistics import fmean, median, stdev

import pytest
import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate, median_of_draws
from tui_vae.evaluation.fidelity.prdc import recall_of
from tui_vae.evaluation.fidelity_metrics import RECALL_DRAWS, class_metrics, feature_metrics, reference_neighbours

DRAWS = 250
SAMPLES = 300
BINOMIAL_ERROR = math.sqrt(0.95 * 0.05 / DRAWS)


def clusters(n: int, spread: float, random: torch.Generator) -> Tensor:
    """``(n, 3)``: three normal clusters, of which the last is rare."""
    centres = torch.tensor([[0.0, 0, 0], [4, 0, 0], [0, 4, 2]])
    which = torch.multinomial(torch.tensor([0.5, 0.35, 0.15]), n, replacement=True, generator=random)
    return centres[which] + spread * torch.randn(n, 3, generator=random)


@pytest.fixture(scope="module")
def estimates() -> dict[str, list[MetricEstimate]]:
    """All metrics of samples that are somewhat more spread than the reference, for each draw."""
    random = torch.Generator().manual_seed(0)
    reference = clusters(SAMPLES, 1.0, random)
    known = reference_neighbours(reference)
    results: dict[str, list[MetricEstimate]] = {}
    for _ in range(DRAWS):
        generated = clusters(SAMPLES, 1.3, random)
        probabilities = torch.cat((generated, -generated), 1).softmax(1)
        metrics = feature_metrics(Features(generated, reference), known) | class_metrics(probabilities)
        for name, estimate in metrics.items():
            results.setdefault(name, []).append(estimate)
    return results


def share_that_holds(estimates: list[MetricEstimate]) -> float:
    aim = fmean(estimate.value for estimate in estimates)
    return fmean(abs(estimate.value - aim) <= 1.96 * estimate.error for estimate in estimates)


@pytest.mark.parametrize(
    "name", ["frechet_distance", "kid", "precision", "density", "classifier_score", "class_entropy"]
)
def test_intervals_hold_as_often_as_they_say(name: str, estimates: dict[str, list[MetricEstimate]]) -> None:
    assert share_that_holds(estimates[name]) == pytest.approx(0.95, abs=4 * BINOMIAL_ERROR)


@pytest.mark.parametrize("name", ["recall", "coverage", "two_sample_1nn"])
def test_intervals_of_what_neighbours_share_hold_more_often(
    name: str, estimates: dict[str, list[MetricEstimate]]
) -> None:
    """The jackknife's error is never too small on average (Efron & Stein 1981); too large where all is covered."""
    assert share_that_holds(estimates[name]) > 0.95 - 4 * BINOMIAL_ERROR
    errors = math.sqrt(fmean(estimate.error**2 for estimate in estimates[name]))
    deviation = stdev(estimate.value for estimate in estimates[name])
    assert 0.9 < errors / deviation < 3


def lonely(n: int, random: torch.Generator) -> Tensor:
    """``(n, 2)``: a narrow cluster, and one sample in 400 that lies anywhere, whose ball reaches to the cluster."""
    points = 0.05 * torch.randn(n, 2, generator=random)
    alone = torch.rand(n, generator=random) < 1 / 400
    return torch.where(alone[:, None], 2 * torch.randn(n, 2, generator=random), points)


def test_the_range_of_draws_holds_the_median_recall_where_few_samples_decide_on_it() -> None:
    """It does so in 1 - 2^-5 of all cases, whatever the distribution (Thompson 1936); the jackknife fails here."""
    random = torch.Generator().manual_seed(0)
    reference = torch.randn(SAMPLES, 2, generator=random)
    known = reference_neighbours(reference)
    sets = [Features(lonely(SAMPLES, random), reference) for _ in range(RECALL_DRAWS * 120)]
    values = [recall_of(features) for features in sets]
    middle = median(values)
    ranges = [
        median_of_draws(values[i : i + RECALL_DRAWS], SAMPLES).interval for i in range(0, len(sets), RECALL_DRAWS)
    ]
    held = fmean(ends is not None and ends[0] <= middle <= ends[1] for ends in ranges)
    stated = 1 - 2 ** (1 - RECALL_DRAWS)
    assert stated >= 0.95
    assert held == pytest.approx(stated, abs=4 * math.sqrt(stated * (1 - stated) / len(ranges)))
    single = [feature_metrics(features, known, wanted=["recall"])["recall"] for features in sets[:DRAWS]]
    assert [estimate.value for estimate in single] == values[:DRAWS]
    mean = fmean(values)
    assert fmean(abs(estimate.value - mean) <= 1.96 * estimate.error for estimate in single) < 0.8
