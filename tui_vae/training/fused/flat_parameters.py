"""The trainable parameters of a model side by side in one tensor, and their gradients in another.

An optimiser then makes one pass over memory, whatever the number of layers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tui_vae.model import VAE

_ALIGNMENT = 16
"""Numbers in a cache line: no two parameters share one, and each starts where vector instructions are fastest."""


class FlatParameters:
    """Moves the trainable parameters of ``vae`` into one tensor, of which they become views; their names stay.

    Attributes:
        values: All parameters, float32 ``(n,)``, with zeros between them.
        gradients: Their gradients, laid out alike; zeros until they are written.
    """

    def __init__(self, vae: VAE) -> None:
        parameters = {name: parameter for name, parameter in vae.named_parameters() if parameter.requires_grad}
        self._layout: dict[str, tuple[int, torch.Size]] = {}
        length = 0
        for name, parameter in parameters.items():
            self._layout[name] = (length, parameter.shape)
            length += math.ceil(parameter.numel() / _ALIGNMENT) * _ALIGNMENT
        self.values = torch.zeros(length, device=next(iter(parameters.values())).device)
        self.gradients = torch.zeros_like(self.values)
        for name, view in self.views(self.values).items():
            view.copy_(parameters[name].data)
            parameters[name].data = view

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return the view of each parameter, in its shape, in a tensor that is laid out as ``values``."""
        return {name: flat[start : start + shape.numel()].view(shape) for name, (start, shape) in self._layout.items()}

    def start_of(self, name: str) -> int | None:
        """Return the index of a parameter's first number in such a tensor; ``None`` if it is not trained."""
        return self._layout[name][0] if name in self._layout else None

    def slices(self, count: int) -> list[slice]:
        """Divide such a tensor into slices of about the same length that leave the rows of a parameter whole."""
        rows = [start + row * _row(shape) for start, shape in self._layout.values() for row in range(_rows(shape))]
        inner = [min(rows, key=lambda row: abs(row - part * len(self.values) / count)) for part in range(1, count)]
        return [slice(start, stop) for start, stop in itertools.pairwise([0, *inner, len(self.values)])]

    def rows_of(self, slices: Sequence[slice]) -> dict[str, list[slice]]:
        """Return, for each parameter, its rows in each of the :meth:`slices`; a vector has rows of one number."""
        return {
            name: [
                slice(*(min(max(0, -(-(end - start) // _row(shape))), _rows(shape)) for end in (part.start, part.stop)))
                for part in slices
            ]
            for name, (start, shape) in self._layout.items()
        }


def _rows(shape: torch.Size) -> int:
    return shape[0] if shape else 1


def _row(shape: torch.Size) -> int:
    """Return the length of a row."""
    return shape[1:].numel()
