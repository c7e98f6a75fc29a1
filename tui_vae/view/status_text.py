"""What is said of a run: the process that trains it, its evaluation, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_vae.events import EvaluationProgress
from tui_vae.run_status import Condition, WriterStatus, condition
from tui_vae.view.numbers import duration, nats
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState


def run_status(state: RunState, sighting: WriterStatus) -> Condition:
    """The condition of a run."""
    return condition(state.status, [model.status for model in state.models.values()], sighting.liveness)


def status_warning(state: RunState, sighting: WriterStatus, name: str) -> str | None:
    """What a person should know of the process that trains ``name``; ``None`` while there is nothing."""
    if sighting.deleted:
        return "the folder of the run was deleted: nothing of it is kept"
    match run_status(state, sighting):
        case "killed":
            return f"the process that trained is gone; go on with: tui-vae --resume {sighting.moved or name}"
        case "stalled" if sighting.silent is not None:
            return f"no sign of life from the process that trains for {sighting.silent:.0f} s"
        case "stalled":
            return "no sign of life from the process that trains"
    return None


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


def result(state: RunState, *, short: bool = False) -> str:
    """Which model has the higher held-out ELBO, as far as one was not given up.

    Args:
        state: The run.
        short: In few words: the two best.
    """
    elbos = [
        (m.last_held_out.elbo, name)
        for name, m in state.models.items()
        if m.status != "failed" and m.last_held_out is not None and math.isfinite(m.last_held_out.elbo)
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
    return f"{first} has the highest held-out ELBO: {nats(best)} nats, before {second} with {nats(next_best)}"


def outcome(state: RunState, directory: str | None, width: int, sighting: WriterStatus) -> list[str]:
    """What to say of a run that is over, the most important first; nothing of one that is not.

    Args:
        state: The run.
        directory: Where it is kept.
        width: Beyond so many characters the first sentence gives way to a shorter one.
        sighting: What is seen of its folder; nothing is said of one that was deleted.
    """
    if state.status is None:
        return []
    sentence = f"{state.status}: {result(state)}"
    said = [sentence if len(sentence) <= width else f"{state.status}: {result(state, short=True)}"]
    if sighting.deleted:
        return said
    if state.status == "stopped":
        said.append(f"go on with: tui-vae --resume {sighting.moved or state.name}")
    if directory is not None:
        said.append(f"kept in {directory}")
    return said


def in_lines(parts: Sequence[str], width: int, most: int) -> list[str]:
    """Parts in lines as they fit; what does not fit is left out whole, and only the first is ever cut, with a sign."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] = f"{lines[-1]} · {part}"
        elif len(lines) < most and (len(part) <= width or not lines):
            lines.append(part if len(part) <= width else f"{part[: max(0, width - 1)]}…")
    return lines
