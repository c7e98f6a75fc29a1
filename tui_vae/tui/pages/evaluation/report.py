"""The report of an evaluation: the table of metrics, differences, classes and latents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.palette import ModelStyle, styles_of
from tui_vae.metrics import Difference, Verdict
from tui_vae.tui.pages.evaluation.metric_table import OUTCOMES, Table, metric_table
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.metric_rows import (
    ARROWS,
    FLOOR_LEGEND,
    INTERVAL_LEGEND,
    MOST_ROWS,
    OUTCOME_LABELS,
    difference_text,
    direction_and_unit,
    outcome_of,
    rows_of_run,
    title_text,
)
from tui_vae.view.numbers import sparks
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState

MOST_DIFFERENCES = 500
_INDENT = "   "
_CLASSES = 5
"""Columns of a class in the histogram."""


@dataclass(frozen=True)
class EvaluationText:
    """A head that stays, and lines that scroll under it."""

    table: Table
    lines: tuple[Text, ...]


def evaluated(state: RunState) -> bool:
    """Return whether any model has results."""
    return any(model.evaluation is not None for model in state.models.values())


def report(
    state: RunState,
    styles: Mapping[str, ModelStyle],
    width: int,
    *,
    first: int = 0,
    whole_verdict: bool = True,
    kept_in: str | None = None,
) -> EvaluationText:
    """Lay out the newest evaluation of each model.

    Args:
        state: The run.
        styles: Styles of its models.
        width: Available columns.
        first: Index of the first model in the table where not all fit.
        whole_verdict: Include the verdict, as it does not fit elsewhere.
        kept_in: The directory of the results, once they are written.
    """
    verdict = state.evaluated.verdict if state.evaluated is not None else None
    models = list(state.models.values())
    differences = verdict.differences[:MOST_DIFFERENCES] if verdict is not None else ()
    to_baseline = [d for d in differences if verdict is not None and d.baseline == verdict.baseline]
    outcomes = {(d.metric, d.model): outcome_of(d) for d in to_baseline}
    table = metric_table(rows_of_run(state), models, styles, outcomes, width, first)
    lines = [*table.rows, Text()]
    lines += wrapped(legend(table, verdict), width)
    lines += [line for text in unevaluated(models) for line in wrapped(text, width)]
    if verdict is not None and whole_verdict:
        lines += [*section("verdict"), *wrapped(Text(printable(verdict.sentence)), width)]
    if verdict is not None:
        lines += _sentences("notes", verdict.notes, width)
        lines += _differences(differences, styles, width)
        lines += _sentences("with the number of parameters", [trend.sentence for trend in verdict.trends], width)
        lines += _sentences("from which size on more does not help", [p.sentence for p in verdict.plateaus], width)
    lines += [*_class_shares(models, styles, width), *_latents(models, styles, width)]
    if kept_in is not None:
        lines += [Text(), *wrapped(Text(f"kept in {printable(kept_in)}", style="dim"), width)]
    return EvaluationText(table, tuple(lines))


def wrapped(text: Text, width: int, *, indent: str = "") -> list[Text]:
    lines = text.wrap(_PLAIN, max(1, width - len(indent)))
    for line in lines:
        line.rstrip()
    return [Text(indent).append(line) for line in lines]


_PLAIN = Console(width=80, color_system=None, force_terminal=False)
"""Rich requires a console for wrapping, but does not use it."""


def section(title: str) -> list[Text]:
    return [Text(), Text(title, style="underline", no_wrap=True)]


def _sentences(title: str, sentences: Sequence[str], width: int) -> list[Text]:
    if not sentences:
        return []
    texts = [Text(printable(sentence)) for sentence in sentences[:MOST_ROWS]]
    return [*section(title), *(line for text in texts for line in wrapped(text, width))]


def legend(table: Table, verdict: Verdict | None) -> Text:
    parts = ["↑ higher is better", "↓ lower", "* best value"]
    if table.intervals:
        parts.append(INTERVAL_LEGEND)
    if table.outcomes and verdict is not None and verdict.baseline is not None:
        unknown = any(outcome_of(d) == "not known" for d in verdict.differences if d.baseline == verdict.baseline)
        marks = ", ".join(
            f"{mark} {OUTCOME_LABELS.get(outcome, outcome)}"
            for outcome, (mark, _) in OUTCOMES.items()
            if unknown or outcome != "not known"
        )
        parts.append(f"against {printable(verdict.baseline)}: {marks}")
    parts.append(FLOOR_LEGEND)
    return Text("; ".join(parts), style="dim")


def unevaluated(models: Sequence[ModelState]) -> Iterator[Text]:
    for model in models:
        if model.evaluation is None:
            yield Text(f"{printable(model.name)} has not been evaluated", style="yellow")


def _differences(differences: Sequence[Difference], styles: Mapping[str, ModelStyle], width: int) -> list[Text]:
    """For each model, a row for each metric with the sentence that it means."""
    lines: list[Text] = []
    texts = {id(d): " ".join(filter(None, difference_text(d))) for d in differences}
    wide = max(map(len, texts.values()), default=0)
    for pair in dict.fromkeys((d.model, d.baseline) for d in differences):
        names = [model_name(name, styles) for name in pair]
        heading = Text("difference: ").append(names[0]).append(" minus ").append(names[1])
        lines += [Text(), heading]
        heading.stylize("underline")
        for difference in differences:
            if (difference.model, difference.baseline) == pair:
                lines.append(difference_row(difference, texts[id(difference)], wide, width))
                lines += [
                    Text(_INDENT, style="dim").append(line)
                    for line in wrapped(Text(printable(difference.sentence), style="dim"), width - len(_INDENT))
                ]
    return lines


_OF_OUTCOME = 24
"""Columns of the unit and the outcome of a difference, with the spaces around them."""


def difference_row(difference: Difference, text: str, wide: int, width: int) -> Text:
    better, unit = direction_and_unit(difference.metric)
    outcome = outcome_of(difference)
    mark, style = OUTCOMES.get(outcome, (" ", ""))
    title = Text(f"{title_text(difference.metric)} {ARROWS[better]}".rstrip(), no_wrap=True)
    room = max(8, min(36, width - wide - _OF_OUTCOME))
    title.truncate(room, overflow="ellipsis", pad=True)
    line = title.append(f" {text:<{wide}} {unit:<4} ").append(
        f"{mark} {OUTCOME_LABELS.get(outcome, outcome)}", style=style
    )
    line.truncate(width, overflow="ellipsis")
    return line


def model_name(name: str, styles: Mapping[str, ModelStyle]) -> Text:
    style = styles.get(name)
    return Text(f"{style.marker} {printable(name)}", style=style.style) if style else Text(printable(name))


def _class_shares(models: Sequence[ModelState], styles: Mapping[str, ModelStyle], width: int) -> list[Text]:
    """Return the histogram of the classes of samples: percentages for each model, and bars above them."""
    shares = {
        m.name: m.evaluation.class_shares for m in models if m.evaluation is not None and m.evaluation.class_shares
    }
    if not shares:
        return []
    count = max(map(len, shares.values()))
    most = max(1, (width - 1) // _CLASSES)
    shown = min(count, most)
    cut = f", {shown} of {count} classes" if shown < count else ""
    lines = section(f"classes of its samples, %{cut}")
    lines.append(Text("".join(f"{index:>{_CLASSES}}" for index in range(shown)), style="dim", no_wrap=True))
    high = max((v for values in shares.values() for v in values if math.isfinite(v)), default=0.0)
    for name, values in shares.items():
        lines.append(model_name(name, styles))
        bars = sparks(values[:shown], high, shown)
        lines.append(Text("".join(f"{3 * bar:>{_CLASSES}}" for bar in bars), style=styles[name].style, no_wrap=True))
        lines.append(Text("".join(f"{_share(value):>{_CLASSES}}" for value in values[:shown]), no_wrap=True))
    return lines


def _share(value: float) -> str:
    return f"{100 * value:.1f}" if 0 <= value <= 1 else "?"


def _latents(models: Sequence[ModelState], styles: Mapping[str, ModelStyle], width: int) -> list[Text]:
    """Return bars of the KL of each latent, largest first, and below them those predicted by theory."""
    lines: list[Text] = []
    spectra = {m.name: m.evaluation for m in models if m.evaluation is not None and m.evaluation.kl_per_latent}
    for name, evaluation in spectra.items():
        measured, predicted = _sorted(evaluation.kl_per_latent), _sorted(evaluation.predicted_kl_per_latent or ())
        high = max(*measured[:1], *predicted[:1], 0.0)
        bars = min(len(measured), max(1, width - 11))
        which = "" if bars == len(measured) else f", {bars} of {len(measured)} shown"
        label = model_name(name, styles).append(f"  {measured[0]:.2f} to {measured[-1]:.2f} nats{which}", style="dim")
        lines.append(label)
        lines.append(
            Text.assemble(("measured  ", "dim")).append(sparks(measured, high, bars), style=styles[name].style)
        )
        if predicted:
            lines.append(Text.assemble(("theory    ", "dim")).append(sparks(predicted, high, bars), style="dim"))
        if evaluation.collapse is not None and evaluation.collapse.notable:
            lines += wrapped(Text(printable(evaluation.collapse.summary)), width)
            for text in evaluation.collapse.details:
                lines += wrapped(Text(printable(text), style="dim"), width, indent=_INDENT)
    return [*section("KL per latent, sorted"), *lines] if lines else []


def _sorted(values: Sequence[float]) -> list[float]:
    return sorted((value if math.isfinite(value) else 0.0 for value in values), reverse=True)


class ReportView(LinesView):
    """Shows the table, differences, classes and latents; laid out again only when they or the width change."""

    def __init__(self) -> None:
        super().__init__(id="report")
        self._run_state = RunState()
        self._ascii = False
        self._options: tuple[bool, str | None, str] = (False, None, "")
        self._revision: tuple[object, ...] = ()
        self._lines: tuple[Text, ...] = ()
        self._first = self._height = 0
        self._report: EvaluationText | None = None

    def show(
        self, state: RunState, *, ascii_only: bool, whole_verdict: bool, kept_in: str | None, waiting: str
    ) -> None:
        """Show the newest results of all models, or the text ``waiting`` while there are none."""
        self._run_state, self._ascii, self._options = state, ascii_only, (whole_verdict, kept_in, waiting)
        self.lay_out()

    def lay_out(self) -> None:
        state, region = self._run_state, self.scrollable_content_region
        revision = (
            *((name, model.evaluation) for name, model in state.models.items()),
            *(state.evaluated, self._ascii, self._options, self._first, region.width),
        )
        if not region.width:
            return
        if revision == self._revision:
            if region.height != self._height:
                self._entitle(state)
            return
        self._revision = revision
        whole_verdict, kept_in, waiting = self._options
        if not evaluated(state):
            self._report = None
            self.say(waiting)
        else:
            styles = styles_of(state, ascii_only=self._ascii)
            self._report = report(
                state, styles, region.width, first=self._first, whole_verdict=whole_verdict, kept_in=kept_in
            )
            self._lines = self._report.lines
            self.fill(len(self._lines), [self._report.table.head], len(self._report.table.rows))
        self._entitle(state)

    def strip(self, line: int) -> Strip:
        return self.text_strip(self._lines[line])

    def turn(self, direction: int) -> bool:
        """Show further models where not all fit; returns whether there are any."""
        if self._report is None or self._report.table.last - self._report.table.first + 1 == self._report.table.models:
            return False
        table = self._report.table
        self._first = min(max(0, table.first - 1 + direction), table.models - 1)
        return True

    def _entitle(self, state: RunState) -> None:
        self._height = self.scrollable_content_region.height
        title = "evaluation"
        found = {(m.evaluation.epoch, m.evaluation.step) for m in state.models.values() if m.evaluation is not None}
        if len(found) == 1:
            epoch, step = found.pop()
            title = f"evaluation · epoch {epoch} · step {step:,}"
        hints = ["↑↓ scroll"] if self.overflows else []
        if self._report is not None:
            table = self._report.table
            if table.last - table.first + 1 < table.models:
                hints.append(f"←→ models {table.first}–{table.last} of {table.models}")
            if not table.intervals:
                hints.append("no room for intervals")
        self.caption.say(title, "   ".join(hints))
