"""The panels next to the list of runs: a preview of the run under the cursor, or a comparison of the marked ones."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widgets import Static

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.metric_series import LOSS
from tui_vae.charts.palette import styles_of
from tui_vae.run_status import ListedRun
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.digits import DigitGallery, DigitRow
from tui_vae.tui.widgets.models import model_label
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.numbers import UNKNOWN, nats, size
from tui_vae.view.run_diff import ComparedRow, differing_options, held_out_elbos
from tui_vae.view.run_source import Preview
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

_MOST_MODELS = 4
_LINES_OF_DIGITS = 8
"""Height of a model's digits with their label, where they are small."""


class RunPreview(Vertical):
    """Shows the run under the cursor, which the page has read."""

    def __init__(self, queue: ChartQueue) -> None:
        super().__init__(id="preview")
        self._about = Static(id="preview-about")
        self._chart = Chart(queue, curve_chart(LOSS), "no steps yet", id="preview-chart")
        self._digits = DigitGallery("no samples yet", id="preview-digits")
        self._chart.can_focus = self._digits.can_focus = False
        self._drawn_about: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self._about
        yield self._chart
        yield self._digits

    def show(
        self, run: ListedRun | None, preview: Preview | None, trouble: str | None, settings: ChartSettings
    ) -> None:
        """Show a run; ``preview`` is ``None`` while it is being read, ``trouble`` why it cannot be read."""
        about = _about(run, trouble)
        if preview is None and trouble is None:
            about.append("\nreading…", style="dim")
        if (drawn := (about, self.size.width)) != self._drawn_about:
            self._drawn_about = drawn
            self._about.update(about)
        self._chart.display = self._digits.display = preview is not None
        if preview is not None:
            self._chart.show(preview.state, settings)
            rows = _rows(preview, settings)
            most = max(1, self._digits.size.height // _LINES_OF_DIGITS)
            self._digits.caption.say("samples", f"{most} of {len(rows)} models" if len(rows) > most else "")
            self._digits.show(rows[:most], draw=settings.draw)


def _about(run: ListedRun | None, trouble: str | None) -> Text:
    if run is None:
        return Text()
    facts = [
        run.dataset or UNKNOWN,
        f"{run.most_epochs if run.most_epochs is not None else UNKNOWN} epochs",
        size(run.size),
    ]
    text = Text.assemble((run.name, "bold"), "\n", (" · ".join(facts), "dim"))
    if run.trouble or trouble:
        return text.append(f"\n{run.trouble or trouble}", style="red")
    for model in run.models[:_MOST_MODELS]:
        text.append(f"\n{model.name}").append(f"  epoch {model.epoch} · held-out ELBO ", style="dim")
        text.append(nats(model.elbo), style="bold")
    if len(run.models) > _MOST_MODELS:
        text.append(f"\nand {len(run.models) - _MOST_MODELS} more", style="dim")
    return text


def _rows(preview: Preview, settings: ChartSettings) -> list[DigitRow]:
    styles = styles_of(preview.state, ascii_only=settings.ascii_only)
    return [
        DigitRow(model_label(name, styles[name], 40), sheet.prior)
        for name, sheet in preview.sheets.items()
        if name in styles
    ]


_GAP = 2
_NARROWEST, _WIDEST = 9, 24
_LONGEST_NAME = 18


class ComparisonView(LinesView):
    """A column for each run, as many as fit, under a head with their names.

    Args:
        id: Of the widget.
        hint: What can be done with the runs, for the frame.
    """

    def __init__(self, id: str, hint: str = "") -> None:
        super().__init__(id=id)
        self._hint = hint
        self._runs: tuple[RunState, ...] = ()
        self._rows: list[Text] = []
        self._drawn: tuple[object, ...] = ()

    def show(self, runs: Sequence[RunState]) -> None:
        """Show these runs; the same again costs next to nothing."""
        self._runs = tuple(runs)
        self.lay_out()

    def lay_out(self) -> None:
        width = self.scrollable_content_region.width
        options, elbos = differing_options(self._runs), held_out_elbos(self._runs)
        drawn = (width, options, elbos, tuple(run.name for run in self._runs))
        if drawn == self._drawn or not width:
            return
        self._drawn = drawn
        names = [printable(run.name) or "…" for run in self._runs]
        first = min(_LONGEST_NAME, max(len(row.name) for row in (*options, *elbos, ComparedRow("option", ()))))
        column = min(_WIDEST, max(_NARROWEST, (width - first) // max(1, len(names)) - _GAP))
        count = max(1, min(len(names), (width - first) // (column + _GAP)))
        self._rows = [_line(row.name, row.values[:count], first, column) for row in options]
        if not options:
            self._rows.append(Text("no option differs", style="dim"))
        self._rows += [Text(), Text("held-out ELBO, nats per image", style="dim")]
        self._rows += [_line(row.name, row.values[:count], first, column, "bold") for row in elbos]
        if count < len(names):
            self._rows += [Text(), Text(f"{len(names) - count} more do not fit", style="dim")]
        self.fill(len(self._rows), [_line("option", names[:count], first, column, "bold")], len(self._rows))
        hints = [self._hint] if self._hint else [f"{len(names)} runs"]
        self.caption.say("compared", "   ".join([*hints, *(["↑↓ scroll"] if self.overflows else [])]))

    @property
    def lines(self) -> int:
        """Its lines, with its head."""
        return len(self._rows) + 1

    def strip(self, line: int) -> Strip:
        return self.text_strip(self._rows[line])


def _line(name: str, values: Sequence[str], first: int, column: int, style: str = "") -> Text:
    line = _cell(name, first, "dim")
    for value in values:
        line.append(" " * _GAP).append(_cell(value, column, style))
    return line


def _cell(text: str, width: int, style: str) -> Text:
    cell = Text(text, style=style, no_wrap=True)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return Text.assemble(cell)
