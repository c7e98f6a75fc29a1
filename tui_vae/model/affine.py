"""Whether a network computes an affine function, found by its outputs alone."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tui_vae.data.generators import generator

_POINTS = 24
_TOLERANCE = 2e-5
"""Of rounding in single precision, relative to the largest output."""

_PERTURBATION = 0.5


def is_affine(function: Callable[[Tensor], Tensor], inputs: int) -> bool:
    """Whether f(sum of w_i x_i) = sum of w_i f(x_i) for points x_i and weights w_i that add up to 1.

    The points are near and far from 0, so that layers with a kink show it.

    Args:
        function: Maps ``(n, inputs)`` to ``(n, outputs)``, on the CPU and in single precision at least: a GPU may
            round the factors of products to fewer bits.
        inputs: Number of its inputs.
    """
    random = generator(0, "affine")
    scale = 10.0 ** torch.linspace(-1, 1.5, _POINTS)[:, None]
    points = torch.randn(_POINTS, inputs, generator=random) * scale
    weights = torch.randn(_POINTS, _POINTS, generator=random)
    weights = weights - (weights.sum(1, keepdim=True) - 1) / _POINTS
    outputs, mixed = function(points).double(), function(weights @ points).double()
    error = (mixed - weights.double() @ outputs).abs().max()
    return bool(error <= _TOLERANCE * weights.abs().sum(1).max() * outputs.abs().max())


@torch.no_grad()
def stays_affine(network: nn.Module, call: Callable[[nn.Module, Tensor], Tensor], inputs: int) -> bool:
    """Whether a network is affine with its weights and with others near them: training would not change it.

    Networks with branches that begin at 0 are affine only at first.

    Args:
        network: In evaluation mode; not changed.
        call: Calls it.
        inputs: Number of its inputs.
    """
    try:
        other = copy.deepcopy(network).cpu()
    except Exception:  # a module may hold what cannot be copied
        return False
    if not is_affine(lambda x: call(other, x), inputs):
        return False
    random = generator(0, "perturbation")
    for parameter in other.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=random), alpha=_PERTURBATION)
    return is_affine(lambda x: call(other, x), inputs)
