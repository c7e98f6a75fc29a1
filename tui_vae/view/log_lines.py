"""Formats events as lines of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui_vae.events import (
    Checkpoint,
    Epoch,
    Evaluation,
    EvaluationFinished,
    EvaluationProgress,
    Event,
    ModelStarted,
    Notice,
    Progress,
    Request,
    RunFinished,
    RunStarted,
    Samples,
    Schedule,
    State,
)


@dataclass(frozen=True)
class LogLine:
    """A line of the log page; ``elapsed`` is the time since the start of the run, see ``RunState.elapsed``."""

    t: float
    level: str
    model: str | None
    text: str
    elapsed: float | None = None


def log_line(event: Event, elapsed: float | None, *, resumed: bool) -> LogLine | None:
    """Format ``event``; ``None`` if the log has no line for it.

    Args:
        event: What happened.
        elapsed: Seconds that the run had taken then.
        resumed: Whether this part of the run continues another.
    """
    if isinstance(event, (Progress, Samples, Checkpoint, EvaluationProgress)):
        return None

    def line(text: str, model: str | None = None, level: str = "info") -> LogLine:
        return LogLine(event.t, level, model, text, elapsed)

    match event:
        case Epoch(split="held_out"):
            return line(f"epoch {event.epoch}: {', '.join(_what_was_held_out(event))}", event.model)
        case State(state="failed"):
            return line(f"failed: {event.reason}", event.model, "error")
        case State():
            return line(f"{event.state}: {event.reason}" if event.reason else event.state, event.model)
        case ModelStarted():
            return line(_how_it_started(event), event.model)
        case RunStarted():
            return line(_how_the_run_started(event, resumed=resumed))
        case Evaluation():
            return line(f"evaluated at epoch {event.epoch} in {event.seconds:.0f} s", event.model)
        case EvaluationFinished():
            return line(*_how_evaluation_ended(event))
        case RunFinished():
            return line(f"run {event.status}")
        case Schedule():
            what = f"{event.epochs:,} epochs, learning rate {event.lr:g}"
            return line(f"schedule from step {event.step:,} on: {what}, by {event.by}", event.model)
        case Notice():
            return line(event.text, event.model, event.level)
        case Request():
            asked = f"{_what_is_asked(event)} of {event.model or 'all models'} asked by {event.by}"
            return line(f"{asked}: {event.refused or 'done'}", level="warning" if event.refused else "info")
    return None


def _how_evaluation_ended(event: EvaluationFinished) -> tuple[str, None, str]:
    if event.status == "finished":
        return event.verdict.sentence if event.verdict is not None else "evaluation finished", None, "info"
    text = f"evaluation {event.status}: {event.reason}" if event.reason else f"evaluation {event.status}"
    return text, None, "error" if event.status == "failed" else "info"


def _what_is_asked(event: Request) -> str:
    match event.action:
        case "add_epochs" if event.value is not None:
            return f"{event.value:g} more epochs"
        case "set_learning_rate" if event.value is not None:
            return f"learning rate {event.value:g}"
    return event.action


def _what_was_held_out(event: Epoch) -> Iterator[str]:
    """Yield what is known of an epoch."""
    elbo, reconstruction, kl = event.elbo, event.reconstruction, event.kl
    if elbo is not None:
        parts = f" = {reconstruction:.2f} - {kl:.2f} KL" if reconstruction is not None and kl is not None else ""
        yield f"held-out ELBO {elbo:.2f}{parts}"
    if elbo is None or reconstruction is None or kl is None:
        yield from (
            f"{name} {value:.2f}"
            for name, value in (("reconstruction", reconstruction), ("KL", kl))
            if value is not None
        )
    if event.kl_weight is not None:
        yield f"KL × {event.kl_weight:g}"
    if event.active_units is not None:
        yield f"{event.active_units} active"
    if event.free_latents is not None:
        yield f"{event.free_latents} free"
    yield f"{event.seconds:.1f} s"


def _how_the_run_started(event: RunStarted, *, resumed: bool) -> str:
    where = ", ".join(filter(None, (event.device, str(event.config.get("precision", "")))))
    text = " ".join((f"run {event.name}", *(["resumed"] if resumed else []), *([f"on {where}"] if where else [])))
    if (data := event.data) is None:
        return text
    if data.train is None or data.held_out is None:
        return f"{text}: {data.name}"
    return f"{text}: {data.name}, {data.train:,} training and {data.held_out:,} held-out images"


def _how_it_started(event: ModelStarted) -> str:
    if event.resumed_at_step is not None:
        epoch = "" if event.resumed_at_epoch is None else f", epoch {event.resumed_at_epoch}"
        return f"resumes at step {event.resumed_at_step:,}{epoch}"
    limit = f", exact limit {event.limit.held_out:.2f} nats on held-out images" if event.limit else ""
    parameters = f" with {event.parameters.total:,} parameters" if event.parameters is not None else ""
    of = f", {event.network}" if event.network is not None else ""
    return f"started{parameters}{of}{limit}"
