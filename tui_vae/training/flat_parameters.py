"""The trainable parameters of a model side by side in one tensor, and their gradients in another.

An optimiser then passes over memory once, whatever the number of layers, and gradients are written where it reads them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tui_vae.model import VAE

_ALIGNMENT = 16
"""Numbers in a line of the cache: no two parameters share one, and each begins where vector instructions like it."""


class FlatParameters:
    """Moves the trainable parameters of ``vae`` into one tensor, of which they become views; their names stay.

    Attributes:
        values: All of them, float32 ``(n,)``, with zeros between them.
        gradients: Those of a loss, laid out alike; zeros until somebody writes them.
    """

    def __init__(self, vae: VAE) -> None:
        parameters = {name: parameter for name, parameter in vae.named_parameters() if parameter.requires_grad}
        self._places: dict[str, tuple[int, torch.Size]] = {}
        length = 0
        for name, parameter in parameters.items():
            self._places[name] = (length, parameter.shape)
            length += math.ceil(parameter.numel() / _ALIGNMENT) * _ALIGNMENT
        self.values = torch.zeros(length, device=next(iter(parameters.values())).device)
        self.gradients = torch.zeros_like(self.values)
        for name, view in self.views(self.values).items():
            view.copy_(parameters[name].data)
            parameters[name].data = view

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """What belongs to each parameter in a tensor that is laid out as ``values`` is, in the parameter's shape."""
        return {name: flat[start : start + shape.numel()].view(shape) for name, (start, shape) in self._places.items()}

    def start_of(self, name: str) -> int | None:
        """Where a parameter begins in such a tensor; ``None`` when it is not trained."""
        return self._places[name][0] if name in self._places else None

    def slices(self, count: int) -> list[slice]:
        """So many parts of such a tensor, about as long as each other; of a parameter they leave the rows whole."""
        rows = [start + row * _row(shape) for start, shape in self._places.values() for row in range(_rows(shape))]
        inner = [min(rows, key=lambda row: abs(row - part * len(self.values) / count)) for part in range(1, count)]
        return [slice(start, stop) for start, stop in itertools.pairwise([0, *inner, len(self.values)])]

    def rows_of(self, slices: Sequence[slice]) -> dict[str, list[slice]]:
        """Of each parameter, its rows in each of the slices that :meth:`slices` gave; numbers of a vector are rows."""
        return {
            name: [
                slice(*(min(max(0, -(-(end - start) // _row(shape))), _rows(shape)) for end in (of.start, of.stop)))
                for of in slices
            ]
            for name, (start, shape) in self._places.items()
        }


def _rows(shape: torch.Size) -> int:
    return shape[0] if shape else 1


def _row(shape: torch.Size) -> int:
    """Numbers in a row."""
    return shape[1:].numel()
