"""The trainable parameters of a model side by side in one tensor, and their gradients in another.

An optimiser then passes over memory once, whatever the number of layers, and gradients are written where it reads them.
"""

from __future__ import annotations

import math

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
