"""The page that holds the marked runs against each other: options, metrics with their intervals, and curves."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_vae.charts.curves import curve_chart
from tui_vae.charts.metric_series import LOSS
from tui_vae.charts.palette import ModelStyle, styles_of
from tui_vae.metrics import Verdict
from tui_vae.tui.pages.evaluation.metric_table import metric_table
from tui_vae.tui.pages.evaluation.report import difference_row, legend, model_name, section, unevaluated, wrapped
from tui_vae.tui.pages.page import PageContext, PanelPage
from tui_vae.tui.pages.runs.details import ComparisonView
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.chart_queue import ChartQueue
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.metric_rows import difference_text, rows_of_run
from tui_vae.view.run_source import ComparedRuns
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

_READING = "reading the runs…"
_SIDE_BY_SIDE, _BELOW = 120, 32
"""Width from which options and curves stand next to the metrics, and height from which they stand above them."""

_WIDTH = 79
"""Columns of the differences next to the curves."""

_MOST_OPTIONS = 7
"""Lines of options where little else fits."""


class DifferencesView(LinesView):
    """For each pair of models what their difference says, and a row for each metric; below that all values."""

    def __init__(self) -> None:
        super().__init__(id="metric-differences")
        self._result: RunState | None = None
        self._ascii = False
        self._said = _READING
        self._drawn: tuple[object, ...] = ()
        self._lines: list[Text] = []

    def show(self, result: RunState | None, said: str, *, ascii_only: bool) -> None:
        """Show a result, or what is ``said`` while there is none."""
        self._result, self._said, self._ascii = result, said, ascii_only
        self.lay_out()

    def lay_out(self) -> None:
        width = self.scrollable_content_region.width
        drawn = (self._result, self._said, self._ascii, width)
        if width and drawn != self._drawn:
            self._drawn = drawn
            if self._result is None:
                self.say(self._said)
            else:
                self._lines = _lines(self._result, width, ascii_only=self._ascii)
                self.fill(len(self._lines))
        self.caption.say("differences", "↑↓ scroll" if self.overflows else "")

    def strip(self, line: int) -> Strip:
        return self.text_strip(self._lines[line])


def _lines(result: RunState, width: int, *, ascii_only: bool) -> list[Text]:
    styles = styles_of(result, ascii_only=ascii_only)
    models = list(result.models.values())
    verdict = result.evaluated.verdict if result.evaluated is not None else None
    lines = [line for text in unevaluated(models) for line in wrapped(text, width)]
    if verdict is not None and not verdict.answers:
        lines += wrapped(Text(printable(verdict.sentence), style="bold"), width)
    for pair in verdict.pairs if verdict is not None else ():
        assert verdict is not None
        lines += [*([Text()] if lines else []), *_pair(verdict, pair, styles, width)]
    rows = rows_of_run(result)
    if not rows:
        return [*lines, *wrapped(Text("no run was evaluated: open one and press e, or use tui-vae compare"), width)]
    table = metric_table(rows, models, styles, {}, width, 0)
    lines += [*section("values"), table.head, *table.rows, Text(), *wrapped(legend(table, verdict), width)]
    if table.last < table.models:
        lines += wrapped(Text(f"{table.models - table.last} more models do not fit", style="dim"), width)
    for note in verdict.notes if verdict is not None else ():
        lines += wrapped(Text(printable(note), style="dim"), width)
    return lines


def _pair(verdict: Verdict, pair: tuple[str, str], styles: dict[str, ModelStyle], width: int) -> list[Text]:
    """A heading, the answer, and a row for each metric with the difference and its interval."""
    heading = model_name(pair[0], styles).append(" minus ").append(model_name(pair[1], styles))
    heading.stylize("underline")
    answers = [a.sentence for a in verdict.answers if (a.model, a.baseline or verdict.baseline) == pair]
    lines = [heading, *(line for text in answers for line in wrapped(Text(printable(text)), width))]
    differences = verdict.between(*pair)
    texts = [" ".join(filter(None, difference_text(d))) for d in differences]
    wide = max(map(len, texts), default=0)
    return [*lines, *(difference_row(d, text, wide, width) for d, text in zip(differences, texts, strict=True))]


class DifferencesPage(PanelPage):
    """Shows options, curves and differences together, or in low terminals options and differences, or the curves."""

    class Left(Message):
        """The user wants to see the list of runs again."""

    def __init__(self, queue: ChartQueue) -> None:
        self._options = ComparisonView("compared-options")
        self._chart = Chart(queue, curve_chart(LOSS), "no steps yet", id="compared-curves")
        self._differences = DifferencesView()
        self._left = Vertical(self._options, self._chart, id="compared-left")
        self._body = Container(self._left, self._differences, id="differences-body")
        self._found: ComparedRuns | None = None
        self._said = _READING
        super().__init__(self._differences, id="differences")

    def compose(self) -> ComposeResult:
        yield self._body

    def panels(self) -> list[Widget]:
        return [self._differences, self._options, self._chart]

    def compare(self, found: ComparedRuns | None, trouble: str | None = None) -> None:
        """Show these runs; ``None`` while they are read, or if there is ``trouble``."""
        self._found, self._said = found, trouble or _READING
        self.place_panels()

    def restore(self) -> None:
        if self.enlarged:
            super().restore()
        else:
            self.post_message(self.Left())

    def show(self, context: PageContext) -> None:
        self.place_panels()
        runs = self._found.runs if self._found is not None else ()
        self._options.show(runs)
        result = self._found.result if self._found is not None else None
        self._differences.show(result, self._said, ascii_only=context.settings.ascii_only)
        if self._chart.display and runs:
            self._chart.show(runs[0], context.settings, runs[1:])

    def place_panels(self) -> None:
        width, height = self.size
        side_by_side = width >= _SIDE_BY_SIDE
        alone = self.enlarged
        together = (side_by_side or height >= _BELOW) and not alone
        chart_alone = not together and self.active is self._chart
        self._chart.display = self._found is not None and (together or chart_alone)
        self._options.display = self._found is not None and (
            together or self.active is self._options or (not alone and not chart_alone)
        )
        self._differences.display = (
            together or self.active is self._differences or (not alone and self.active is self._options)
        )
        self._left.display = self._chart.display or self._options.display
        only_left = not self._differences.display
        self._body.styles.layout = "horizontal" if side_by_side and together else "vertical"
        self._left.styles.width = "1fr" if side_by_side and together else "100%"
        self._differences.styles.width = _WIDTH if side_by_side and together else "100%"
        self._left.styles.height = "100%" if only_left or (side_by_side and together) else "auto"
        self._options.styles.height = (
            "1fr" if only_left else min(_MOST_OPTIONS if not side_by_side else height // 2, self._options.lines + 2)
        )
        self._chart.styles.height = "1fr" if chart_alone or (side_by_side and together) else max(8, height // 3)
