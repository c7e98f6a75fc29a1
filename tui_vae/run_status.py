"""What a run is doing, by its events and by its writer's signs of life, and what a list shows of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tui_vae.events import ModelStatus, RunStatus

Liveness = Literal["live", "stalled", "gone"]
Condition = Literal["running", "paused", "finished", "stopped", "failed", "stalled", "killed"]
ListState = Condition | Literal["empty", "damaged", "unread", "waiting"]
"""``waiting`` is a trial of a study that has not begun."""


@dataclass(frozen=True)
class WriterStatus:
    """A run's writer and folder, as they were seen last.

    Attributes:
        liveness: Of the process that trains it.
        silent: Seconds since the last sign of life of that process, where known.
        moved: Where the run is, if its folder was renamed or moved since it was opened.
        deleted: Whether its folder was deleted since then.
    """

    liveness: Liveness
    silent: float | None = None
    moved: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class ListedModel:
    """A model of a listed run.

    Attributes:
        epoch: The last complete epoch.
        elbo: Held-out ELBO after that epoch, in nats per image.
        epochs: How many it is to train for, if that was changed while it trained.
    """

    name: str
    epoch: int = 0
    elbo: float | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class ListedRun:
    """A run in a list. What is not known is ``None``; of an unread run all but its name and start.

    Attributes:
        key: The path of its folder, which identifies it.
        epochs: Of its configuration.
        began: Unix time of its start.
        ended: Unix time of its end, unless it goes on.
        size: Bytes on the disk.
        trouble: Why it is damaged.
        link: Where it lies, if its folder is a symbolic link.
        node: Host of the process that writes it, while one does.
        trials: Of a study, which stands in the list as a run does: how many are finished, and how many there are.
    """

    key: str
    name: str
    state: ListState
    models: tuple[ListedModel, ...] = ()
    epochs: int | None = None
    dataset: str | None = None
    began: float | None = None
    size: int = 0
    trouble: str | None = None
    link: str | None = None
    ended: float | None = None
    node: str | None = None
    trials: tuple[int, int] | None = None

    @property
    def elbo(self) -> float | None:
        """Held-out ELBO of the best model, in nats per image."""
        return max((m.elbo for m in self.models if m.elbo is not None and math.isfinite(m.elbo)), default=None)

    @property
    def most_epochs(self) -> int | None:
        """Of the model that is to train for the most."""
        return max((n for n in (self.epochs, *(m.epochs for m in self.models)) if n is not None), default=None)

    @property
    def live(self) -> bool:
        """Whether a process writes it."""
        return self.state in ("running", "paused", "stalled")


def condition(status: RunStatus | None, models: Iterable[ModelStatus | None], liveness: Liveness) -> Condition:
    """Judge the condition of a run.

    Args:
        status: How the run ended, if its events say that it did.
        models: The states of all its models; ``None`` for one that has not begun.
        liveness: Of the process that trains it.
    """
    if status is not None:
        return status
    if liveness == "gone":
        return "killed"
    if liveness == "stalled":
        return "stalled"
    unfinished = [model for model in models if model not in ("finished", "stopped", "failed")]
    return "paused" if unfinished and all(model == "paused" for model in unfinished) else "running"
