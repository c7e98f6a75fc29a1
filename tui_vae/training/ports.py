"""What training needs from outside, as the interfaces it calls. It knows nothing of who stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tui_vae.config import ModelSpec
from tui_vae.events import Event, Limit

Emit = Callable[[Event], None]
"""Hands an event on; returns at once and raises nothing."""

FindLimit = Callable[[ModelSpec], Limit | None]
"""The exact optimum of a linear model on the run's data; ``None`` for any other model. May take a second."""


class Store(Protocol):
    """Where a trainer leaves what it makes. Nothing here raises: what cannot be written is told by a notice."""

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8]) -> str | None:
        """Write a sample picture; returns its path within the run, or ``None`` if it could not be written."""

    def save_weights(self, model: str, weights: Mapping[str, Tensor]) -> str | None:
        """Replace the newest weights of a model; returns their path within the run, or ``None``."""
