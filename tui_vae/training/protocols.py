"""The interfaces that training calls: sinks of events, the store of checkpoints, and the context of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset
from tui_vae.events import Event, PpcaOptimum
from tui_vae.model import ModelBuilder

Emit = Callable[[Event], None]
"""Takes an event; returns at once and raises nothing."""

FindLimit = Callable[[ModelSpec], PpcaOptimum | None]
"""Returns the exact optimum of a linear model on the run's data: for linear models, and for all of a run without one;
``None`` for others. May take a second."""

OnSaved = Callable[[str], None]
"""Called, from any thread, with the path within the run of a file that is now on the disk."""


class Store(Protocol):
    """Stores the checkpoints and sample images of a run.

    Saving returns at once and raises nothing: the store writes in a thread of its own, in the order of the calls, calls
    ``written`` when a file is on the disk, and emits a notice if it cannot be written. The arguments are not changed
    afterwards.
    """

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8], written: OnSaved) -> None:
        """Write the sample images of an epoch."""

    def save_latest(
        self,
        model: str,
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        course: Mapping[str, Any],
        written: OnSaved,
    ) -> None:
        """Replace the newest checkpoint of a model and keep the one before it; skip one that still waits."""

    def save_best(self, model: str, weights: Mapping[str, Tensor], course: Mapping[str, Any], written: OnSaved) -> None:
        """Replace the weights with the best held-out ELBO."""

    def flush(self) -> None:
        """Wait until everything saved so far is written or has failed."""


@dataclass(frozen=True)
class TrainingContext:
    """What all trainers of a run share; ``build`` makes their models."""

    config: TrainConfig
    data: Dataset
    emit: Emit
    store: Store
    find_limit: FindLimit
    build: ModelBuilder = field(default_factory=ModelBuilder)
