"""What a run is doing, put together from what its events told and from the signs of life of its writer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tui_vae.events import ModelStatus, RunStatus

Liveness = Literal["live", "stalled", "gone"]
Condition = Literal["running", "paused", "finished", "stopped", "failed", "stalled", "killed"]


@dataclass(frozen=True)
class WriterStatus:
    """What is seen of a run's writer and of its folder.

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


def condition(status: RunStatus | None, models: Iterable[ModelStatus | None], liveness: Liveness) -> Condition:
    """The condition of a run.

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
