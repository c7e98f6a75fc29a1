"""What training needs from outside, as the interfaces it calls. It knows nothing of who stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset
from tui_vae.events import Event, PpcaOptimum

Emit = Callable[[Event], None]
"""Hands an event on; returns at once and raises nothing."""

FindLimit = Callable[[ModelSpec], PpcaOptimum | None]
"""The exact optimum of a linear model on the run's data; ``None`` for any other model. May take a second."""


Written = Callable[[str], None]
"""Told the path within the run of what is now on the disk; called from any thread."""


class Store(Protocol):
    """Where a trainer leaves what it makes.

    Saving returns at once and raises nothing: the store writes in a thread of its own, in the order in which it was
    asked, tells ``written`` when a file is safe, and tells of one that cannot be written by a notice. What it is given
    is not changed afterwards.
    """

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: Written) -> None:
        """Write a sample picture."""

    def save_latest(
        self,
        model: str,
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        course: Mapping[str, Any],
        written: Written,
    ) -> None:
        """Replace the newest checkpoint of a model and keep the one before it; one that still waits is left out."""

    def save_best(self, model: str, weights: Mapping[str, Tensor], course: Mapping[str, Any], written: Written) -> None:
        """Replace the weights with the best held-out ELBO."""

    def settle(self) -> None:
        """Wait until everything asked so far is written, or has been told to be impossible."""


@dataclass(frozen=True)
class TrainingContext:
    """What all trainers of a run share."""

    config: TrainConfig
    data: Dataset
    emit: Emit
    store: Store
    find_limit: FindLimit
