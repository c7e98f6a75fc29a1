"""The report of an evaluation on screen, laid out anew only when something in it or its width has changed."""

from __future__ import annotations

from rich.text import Text
from textual.strip import Strip

from tui_vae.charts.plotted_models import styles_of
from tui_vae.tui.evaluation_text import EvaluationText, evaluated, report
from tui_vae.tui.widgets.scroll_view import LinesView
from tui_vae.view.state import RunState


class ReportView(LinesView):
    """Table, differences, classes and latents under the names of the models."""

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
        """Show the newest results of all models, or the words of ``waiting`` while there are none."""
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
        """Show further models where not all have room; whether there are any."""
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
