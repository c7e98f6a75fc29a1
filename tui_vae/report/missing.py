"""What a report lacks, a sentence each, and the command that adds it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from tui_vae.report.content import ReportContent, ReportedModel, ReportedRun
from tui_vae.report.document import Paragraph
from tui_vae.run_status import ListState

_STATES: dict[ListState, str] = {
    "running": "{name} is still training: this is what there is so far.",
    "paused": "The training of {name} is paused: this is what there is so far.",
    "stalled": "{name} was training, and its process no longer responds; this is what there is so far.",
    "killed": "The process that trained {name} is gone before its end.",
    "stopped": "The training of {name} was stopped before its end.",
    "failed": "The training of {name} has failed.",
    "empty": "{name} is empty: nothing was trained.",
    "damaged": "{name} is damaged: this is what can be read of it.",
}
_RESUMED = ("killed", "stopped")


def missing(content: ReportContent) -> Iterable[Paragraph]:
    """Say what is not as it is in the report of a finished and evaluated run."""
    for run in content.runs:
        if run.condition in _STATES:
            resumed = run.condition in _RESUMED and not run.state.own_loop
            resume = f"tui-vae --resume {shlex.quote(run.name)}" if resumed else None
            yield Paragraph(_STATES[run.condition].format(name=run.name), "warning", resume)
        for model in run.state.models.values():
            if model.status == "failed":
                yield Paragraph(f"{model.name} failed: {model.reason or 'for an unknown reason'}", "warning")
        for trouble in run.troubles:
            yield Paragraph(f"{run.name}: {trouble}", "warning")
    models = [model for group in content.groups for model in group.models]
    for run in content.runs:
        if run.state.own_loop:
            text = (
                f"{run.name} is written by a training loop of its user's own and holds no weights: it is not evaluated."
            )
            yield Paragraph(text)
            continue
        yield from _unevaluated(run, [model for model in models if model.run is run])


def _unevaluated(run: ReportedRun, models: list[ReportedModel]) -> Iterable[Paragraph]:
    command = f"tui-vae evaluate {shlex.quote(run.name)}"
    without = [
        model.model.name for model in models if model.evaluation is None and model.model.last_held_out is not None
    ]
    if without:
        text = (
            f"{_listed(without)} of {run.name} {'has' if len(without) == 1 else 'have'} not been evaluated: metrics, "
            "the comparison, and the pictures that an evaluation draws are missing. This adds them:"
        )
        yield Paragraph(text, "warning", command)
    older = [
        model.model.name
        for model in models
        if model.evaluation is not None and model.evaluation.epoch < model.model.epoch and model.model.ended
    ]
    if older:
        text = f"{_listed(older)} of {run.name} trained on after the evaluation. This evaluates the newest weights:"
        yield Paragraph(text, "warning", command)


def _listed(names: list[str], most: int = 6) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
