"""Which models of which runs the charts draw, and how each is told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tui_vae.charts.palette import ModelStyle, model_style
from tui_vae.view.state import ModelState, RunState


@dataclass(frozen=True)
class Trace:
    """One model of one run as charts draw it.

    ``label`` names it: a model of the run itself by its name, one of another run as ``run/model``. ``steps_per_epoch``
    is that of its own run, so that epochs of runs with other batches lie beside each other.
    """

    label: str
    model: ModelState
    steps_per_epoch: float
    style: ModelStyle


def traces_of(state: RunState, others: Sequence[RunState] = (), *, ascii_only: bool) -> tuple[Trace, ...]:
    """Every model of the run, then those of the runs it is compared with; the same order gives the same styles."""
    found = [(model.name, model, state) for model in state.models.values()]
    found += [(f"{other.name}/{model.name}", model, other) for other in others for model in other.models.values()]
    return tuple(
        Trace(
            label,
            model,
            max(1.0, model.steps / max(1, run.epochs_of(model))),
            model_style(index, ascii_only=ascii_only),
        )
        for index, (label, model, run) in enumerate(found)
    )


def wanted_models(state: RunState, globs: str) -> frozenset[str]:
    """The names of those models of a run that the globs leave."""
    return frozenset(trace.model.name for trace in wanted_traces(traces_of(state, ascii_only=False), globs))


def wanted_traces(traces: Iterable[Trace], globs: str) -> tuple[Trace, ...]:
    """Those whose label, or name of the model, matches one of the globs, which commas divide; all without a glob."""
    patterns = [glob.strip().lower() for glob in globs.split(",") if glob.strip()]
    return tuple(
        trace
        for trace in traces
        if not patterns
        or any(fnmatchcase(name.lower(), glob) for glob in patterns for name in (trace.label, trace.model.name))
    )


def styles_of(state: RunState, *, ascii_only: bool) -> dict[str, ModelStyle]:
    return {name: model_style(index, ascii_only=ascii_only) for index, name in enumerate(state.models)}
