"""Which digits are drawn, how evenly, and how surely: from the classifier's probabilities alone.

The classifier score has the formula of the Inception score (Salimans et al., arXiv:1606.03498, section 4), exp of the
mean of KL(p(y|x) || p(y)), here over all samples at once: averaging it over ten splits, as is usual, lowers it by the
sampling error of p(y) in each (Barratt & Sharma, arXiv:1801.01973, section 4.1.1). It needs no reference images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import MetricEstimate, check_finite, jackknife_error


def class_counts(probabilities: Tensor) -> Tensor:
    """How many of the images ``(n, classes)`` are most probably of each class, int64 ``(classes,)``."""
    _check(probabilities)
    return torch.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])


def class_entropy(counts: Tensor) -> MetricEstimate:
    """Entropy of the classes drawn, nats, from how often each was: ``(classes,)``.

    The plug-in estimate, which is below the entropy of the model by (classes - 1) / 2n on average (Miller 1955):
    0.0005 for 10,000 samples.
    """
    counts = counts.double()
    n = int(counts.sum())
    without = counts - torch.eye(len(counts), dtype=torch.float64, device=counts.device)
    drawn = counts > 0
    deleted = _entropy(without[drawn] / (n - 1)).repeat_interleave(counts[drawn].long())
    return MetricEstimate(float(_entropy(counts / n)), jackknife_error(deleted), n)


def classifier_score(probabilities: Tensor) -> MetricEstimate:
    """exp E KL(p(y|x) || p(y)), between 1 and the number of classes, of ``(n, classes)``.

    Raises:
        UsageError: A probability is not finite, or there are fewer than two samples.
    """
    _check(probabilities)
    probabilities = probabilities.double()
    n = len(probabilities)
    # E KL is the entropy of the mean less the mean entropy.
    entropies = _entropy(probabilities)
    value = torch.exp(_entropy(probabilities.mean(0)) - entropies.mean())
    marginals = (probabilities.sum(0) - probabilities) / (n - 1)
    deleted = torch.exp(_entropy(marginals) - (entropies.sum() - entropies) / (n - 1))
    return MetricEstimate(float(value), jackknife_error(deleted), n)


def _entropy(probabilities: Tensor) -> Tensor:
    """Over the last axis, nats; 0 ln 0 = 0, also where rounding left a trace below 0."""
    terms: Tensor = torch.special.entr(probabilities.clamp_min(0))
    return terms.sum(-1)


def _check(probabilities: Tensor) -> None:
    if probabilities.ndim != 2 or len(probabilities) < 2:
        raise UsageError(f"classes of {len(probabilities)} images cannot be counted: at least 2 are needed")
    check_finite(probabilities, "class probabilities")
