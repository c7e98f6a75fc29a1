"""Texts on the status of a run: the process that trains it, its evaluation, and its result."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_vae.events import EvaluationProgress
from tui_vae.run_status import Condition, WriterStatus, condition
from tui_vae.view.numbers import duration, nats
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

NO_WEIGHTS = "this run comes from a custom training loop, which keeps the weights"
"""Why a run can be neither evaluated, explored, saved nor changed."""


def run_status(state: RunState, writer_status: WriterStatus) -> Condition:
    """Return the condition of a run."""
    return condition(state.status, [model.status for model in state.models.values()], writer_status.liveness)


def status_warning(state: RunState, writer_status: WriterStatus, name: str) -> str | None:
    """Return a warning about the process that trains run ``name``; ``None`` while there is none."""
    if writer_status.deleted:
        return "the run's folder was deleted; nothing of it is left"
    match run_status(state, writer_status):
        case "killed" if state.own_loop:
            return "the process of this training loop is gone"
        case "killed":
            return f"the training process is gone; resume with: tui-vae --resume {writer_status.moved or name}"
        case "stalled" if writer_status.silent is not None:
            return f"no heartbeat from the training process for {writer_status.silent:.0f} s"
        case "stalled":
            return "no heartbeat from the training process"
    return None


def at_work(state: RunState, writer_status: WriterStatus) -> EvaluationProgress | None:
    """Return the newest progress of a running evaluation; ``None`` if there is none, or its process is gone."""
    return state.evaluating if writer_status.liveness != "gone" else None


def training_ended(state: RunState) -> bool:
    """Return whether every model has ended; an evaluation may still be running."""
    return bool(state.models) and all(model.ended for model in state.models.values())


def evaluation_alone(state: RunState) -> bool:
    """Return whether only an evaluation is still running."""
    return state.evaluating is not None and training_ended(state)


def share(progress: EvaluationProgress) -> float:
    """Return the share that is done, clipped to 0 to 1."""
    return min(1.0, max(0.0, progress.done)) if math.isfinite(progress.done) else 0.0


def percent(progress: EvaluationProgress) -> str:
    """Format the share that is done: ``43 %``; 100 only when all is done."""
    return f"{math.floor(100 * share(progress))} %"


def time_left(progress: EvaluationProgress) -> str | None:
    left = progress.seconds_left
    return f"{duration(left)} left" if left is not None and math.isfinite(left) else None


def task(progress: EvaluationProgress) -> str:
    """Return the current computation: ``deep: Fréchet distance``."""
    doing = printable(progress.doing)
    return f"{printable(progress.model)}: {doing}" if progress.model else doing


def trouble(state: RunState, writer_status: WriterStatus) -> str | None:
    """Return why there are no results, or no new ones; ``None`` if nothing went wrong."""
    if state.evaluating is not None:
        return "the evaluation was cut off: its process is gone" if writer_status.liveness == "gone" else None
    ended = state.evaluated
    if ended is None or ended.status == "finished":
        return None
    return f"evaluation {ended.status}: {printable(ended.reason)}" if ended.reason else f"evaluation {ended.status}"


def result(state: RunState, *, short: bool = False) -> str:
    """Compare the held-out ELBOs of the models that did not fail.

    Args:
        state: The run.
        short: In few words: the two best.
    """
    elbos = [
        (m.elbo, name)
        for name, m in state.models.items()
        if m.status != "failed" and m.elbo is not None and math.isfinite(m.elbo)
    ]
    if not elbos:
        return "no model has a held-out ELBO" if short else "no model that was trained has a held-out ELBO"
    (best, first), *others = sorted(elbos, key=lambda pair: -pair[0])
    if not others:
        return f"{first} {nats(best)}" if short else f"{first} has a held-out ELBO of {nats(best)} nats"
    next_best, second = others[0]
    same = nats(best) == nats(next_best)
    if short:
        return f"{first} {nats(best)} {'=' if same else '>'} {second} {nats(next_best)}"
    if same:
        return f"{first} and {second} have the same held-out ELBO: {nats(best)} nats"
    if len(others) == 1:
        return f"{first} has the higher held-out ELBO: {nats(best)} against {nats(next_best)} nats"
    return f"{first} has the highest held-out ELBO: {nats(best)} nats, ahead of {second} ({nats(next_best)})"


def outcome(state: RunState, directory: str | None, width: int, writer_status: WriterStatus) -> list[str]:
    """Return sentences on a run that has ended, the most important first; none while it runs.

    Args:
        state: The run.
        directory: Where it is kept.
        width: Beyond so many characters the first sentence gives way to a shorter one.
        writer_status: What is seen of its folder; nothing is said of one that was deleted.
    """
    if state.status is None:
        return []
    sentence = f"{state.status}: {result(state)}"
    said = [sentence if len(sentence) <= width else f"{state.status}: {result(state, short=True)}"]
    if writer_status.deleted:
        return said
    if state.status == "stopped" and not state.own_loop:
        said.append(f"resume with: tui-vae --resume {writer_status.moved or state.name}")
    if directory is not None:
        said.append(f"kept in {directory}")
    return said


def in_lines(parts: Sequence[str], width: int, most: int) -> list[str]:
    """Distribute parts over lines; a part that does not fit is dropped, and only the first is ever cut, with a sign."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] = f"{lines[-1]} · {part}"
        elif len(lines) < most and (len(part) <= width or not lines):
            lines.append(part if len(part) <= width else f"{part[: max(0, width - 1)]}…")
    return lines
