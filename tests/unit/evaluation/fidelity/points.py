"""Points to measure, and plain formulas to compare the metrics with."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import Features


def normal(n: int, d: int, seed: int = 0, shift: float = 0.0) -> Tensor:
    """``(n, d)`` from N(shift, I)."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def normal_features(n: int = 60, m: int = 50, d: int = 3, seed: int = 0, shift: float = 0.3) -> Features:
    return Features(normal(n, d, seed, shift), normal(m, d, seed + 1))


def distance_matrix(x: Tensor, y: Tensor) -> Tensor:
    """All Euclidean distances, float64 ``(n, m)``, from the differences."""
    return (x.double()[:, None] - y.double()).square().sum(2).sqrt()


def kth_other(x: Tensor, k: int) -> Tensor:
    """Distance of each point to its k-th nearest other, ``(n,)``."""
    return distance_matrix(x, x).fill_diagonal_(float("inf")).sort(1).values[:, k - 1]


def without(x: Tensor, index: int) -> Tensor:
    return torch.cat((x[:index], x[index + 1 :]))


def each_left_out(features: Features) -> list[Features]:
    """The features without each generated image in turn."""
    return [Features(without(features.generated, i), features.reference) for i in range(len(features.generated))]


def jackknife(values: list[float]) -> float:
    """Efron & Stein 1981, equation 1.4."""
    n, mean = len(values), sum(values) / len(values)
    return float(((n - 1) / n * sum((value - mean) ** 2 for value in values)) ** 0.5)
