"""An evaluation at work, and how the last one ended, as people are told."""

from __future__ import annotations

import math

from tui_vae.events import EvaluationProgress
from tui_vae.run_status import WriterStatus
from tui_vae.view.numbers import duration
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState


def at_work(state: RunState, sighting: WriterStatus) -> EvaluationProgress | None:
    """What the evaluation at work told last; ``None`` where there is none, or its process is gone."""
    return state.evaluating if sighting.liveness != "gone" else None


def training_ended(state: RunState) -> bool:
    """Whether every model has ended, though the run may go on with an evaluation."""
    return bool(state.models) and all(model.ended for model in state.models.values())


def evaluation_alone(state: RunState) -> bool:
    """Whether an evaluation is all that is still at work."""
    return state.evaluating is not None and training_ended(state)


def share(progress: EvaluationProgress) -> float:
    """The share that is done, 0 to 1, whatever was told."""
    return min(1.0, max(0.0, progress.done)) if math.isfinite(progress.done) else 0.0


def percent(progress: EvaluationProgress) -> str:
    """``43 %``; 100 only when all is done."""
    return f"{math.floor(100 * share(progress))} %"


def time_left(progress: EvaluationProgress) -> str | None:
    left = progress.seconds_left
    return f"{duration(left)} left" if left is not None and math.isfinite(left) else None


def task(progress: EvaluationProgress) -> str:
    """What is computed now: ``deep: Fréchet distance``."""
    doing = printable(progress.doing)
    return f"{printable(progress.model)}: {doing}" if progress.model else doing


def trouble(state: RunState, sighting: WriterStatus) -> str | None:
    """Why there are no results, or no new ones; ``None`` when nothing went wrong."""
    if state.evaluating is not None:
        return "the evaluation was cut off: its process is gone" if sighting.liveness == "gone" else None
    ended = state.evaluated
    if ended is None or ended.status == "finished":
        return None
    return f"evaluation {ended.status}: {printable(ended.reason)}" if ended.reason else f"evaluation {ended.status}"
