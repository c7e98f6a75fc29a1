"""The table at the end of a run, for every text output."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tui_vae.events import ModelResult
from tui_vae.headless.evaluation_tables import collapse_texts, print_evaluation
from tui_vae.view.collapse import collapse_of
from tui_vae.view.numbers import UNKNOWN, count, duration, nats
from tui_vae.view.state import RunState

_LABEL_WIDTH = 22
_NAME_WIDTH = 10
_PADDING = 3

_ROWS: tuple[tuple[str, Callable[[ModelResult], str]], ...] = (
    ("state", lambda r: r.state),
    ("parameters, encoder", lambda r: count(r.parameters.encoder if r.parameters else None)),
    ("parameters, decoder", lambda r: count(r.parameters.decoder if r.parameters else None)),
    ("parameters, total", lambda r: count(r.parameters.total if r.parameters else None)),
    ("epochs", lambda r: str(r.epochs)),
    ("time", lambda r: duration(r.seconds)),
    ("held-out ELBO", lambda r: nats(r.elbo, 2)),
    ("  reconstruction", lambda r: nats(r.reconstruction, 2)),
    ("  KL", lambda r: nats(r.kl, 2)),
    ("active units", lambda r: UNKNOWN if r.active_units is None else str(r.active_units)),
    ("exact limit", lambda r: nats(r.limit, 2)),
    ("  distance to it", lambda r: UNKNOWN if r.limit is None or r.elbo is None else nats(r.limit - r.elbo, 2)),
)


def final_report(
    state: RunState, directory: str | None, width: int, *, terminal: bool = False, ascii_only: bool = False
) -> list[RenderableType]:
    """Tables of all models, as many columns as fit, with notes, wrapped on a terminal, and failures."""
    widest = max((len(cell(r)) for r in state.results for _, cell in _ROWS), default=0)
    per_table = max(1, (width - _LABEL_WIDTH) // (max(widest, _NAME_WIDTH) + _PADDING))
    tables = [_table(state.results[i : i + per_table]) for i in range(0, len(state.results), per_table)]
    notes = Text(style="dim", no_wrap=not terminal)
    notes.append(_notes(state))
    if any(result.limit is not None for result in state.results):
        notes.append("; exact limit: probabilistic PCA, the best that a linear model can reach")
    failures = [
        Text.assemble((f"{model.name} failed: ", "bold red"), model.reason or "")
        for model in state.models.values()
        if model.status == "failed"
    ]
    # Of a run whose folder was deleted, the last line says why its models were stopped.
    models = state.models.values() if directory is not None else ()
    stopped = (model.reason for model in models if model.status == "stopped" and model.reason)
    stops = [Text(f"stopped {reason}") for reason in dict.fromkeys(stopped)]
    # An evaluation says it with its own results.
    verdicts = {model.name: collapse_of(state, model) for model in models if model.evaluation is None}
    latents = collapse_texts(verdicts, ascii_only=ascii_only)
    return [*tables, notes, *latents, *failures, *stops, Text(kept(directory))]


def _notes(state: RunState) -> str:
    if state.own_loop:
        return "nats per image, as the loop logged them"
    sigma, zdim = (state.config.get(name, UNKNOWN) for name in ("sigma", "zdim"))
    held_out = state.data.held_out if state.data else None
    options = {
        "beta": ("beta {}", 1.0),
        "kl_warmup": ("KL warm-up of {} epochs", 0.0),
        "free_bits": ("free bits {}", 0.0),
    }
    named = [(text, state.config.get(name, off), off) for name, (text, off) in options.items()]
    objective = "".join(f", {text.format(f'{value:g}')}" for text, value, off in named if value != off)
    kind = "dequantised held-out" if state.config.get("dequantize") is True else "held-out"
    return f"nats per image on {count(held_out)} {kind} images; sigma {sigma}, zdim {zdim}{objective}"


def kept(directory: str | None) -> str:
    """Where a run is kept; ``None`` if its folder was deleted."""
    return f"run kept in {directory}" if directory is not None else "nothing is left of the run: its folder was deleted"


def print_report(console: Console, state: RunState, directory: str | None) -> None:
    """Print what became of the models and, where they were evaluated, what was measured of them and the verdict;
    last the command that makes a report.
    """
    for part in final_report(
        state, directory, console.width, terminal=console.is_terminal, ascii_only=console.options.ascii_only
    ):
        # Commands and paths stay in one piece, to be copied; a sentence is wrapped between words.
        console.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap is not False)
    evaluations = [model.evaluation for model in state.models.values() if model.evaluation is not None]
    if evaluations and state.evaluated is not None:
        console.print()
        print_evaluation(console, evaluations)
        if state.evaluated.verdict is not None:
            console.print(Text(state.evaluated.verdict.sentence, style="bold"))
            console.print(Text(f"each difference: tui-vae compare {state.name}", style="dim"))
    if directory is not None:
        console.print(Text(f"a report of it: tui-vae report {shlex.quote(directory)}", style="dim"), soft_wrap=True)


def _table(results: Sequence[ModelResult]) -> Table:
    table = Table(pad_edge=False)
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    for result in results:
        # Numbers keep their width; what is too narrow costs the labels first, then folds the name.
        widest = max(len(cell(result)) for _, cell in _ROWS)
        table.add_column(escape(result.model), justify="right", overflow="fold", min_width=widest)
    for label, cell in _ROWS:
        table.add_row(label, *(cell(result) for result in results))
    return table
