"""What the evaluation of all models gave: verdict, table, and pictures; or how far it is."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from tui_vae.tui.evaluation_text import evaluated
from tui_vae.tui.pages.page import PageContext
from tui_vae.tui.pages.panel_page import ArrangedPage
from tui_vae.tui.widgets.evaluation_view import ReportView
from tui_vae.tui.widgets.pictures import PictureView
from tui_vae.tui.widgets.verdict import VerdictLines
from tui_vae.view.evaluation_status import at_work, training_ended, trouble

_WIDEST_REPORT = 110
"""Columns that a report of two models can use; beyond, pictures make more of them."""


class EvaluationPage(ArrangedPage):
    """Report and pictures beside each other, under each other, or the one at hand."""

    def __init__(self) -> None:
        self._verdict = VerdictLines()
        self._report = ReportView()
        self._pictures = PictureView()
        self._body = Container(id="evaluation-body")
        self._any = False
        super().__init__(self._report, id="evaluation")

    def compose(self) -> ComposeResult:
        yield self._verdict
        with self._body:
            yield self._report
            yield self._pictures

    def panels(self) -> list[Widget]:
        return [self._report, self._pictures]

    def show(self, shown: PageContext) -> None:
        state, ascii_only = shown.state, shown.settings.ascii_only
        if evaluated(state) != self._any:
            self._any = not self._any
            self.place_panels()
        width, height = self.size
        kept_in = None
        done = self._any and training_ended(state) and state.evaluating is None
        if shown.source is not None and done and not shown.sighting.deleted:
            kept_in = shown.source.directory()
        most = 1 if height < 12 else max(2, height // 5)
        self._verdict.show(state, shown.sighting, kept_in, width=width, most=most)
        self._report.show(
            state,
            ascii_only=ascii_only,
            whole_verdict=not self._verdict.whole,
            kept_in=kept_in,
            waiting="" if self._any else _waiting(shown),
        )
        if self._pictures.display and shown.source is not None:
            self._pictures.show(state, shown.source, ascii_only=ascii_only, draw=shown.settings.draw)

    def step(self, direction: int) -> None:
        """To further models where not all have room, else to the next picture: a long step is no longer there."""
        one = 1 if direction > 0 else -1
        models = self.at_hand is self._report and self._report.display and self._report.turn(one)
        if not models and self._pictures.display:
            self._pictures.turn(one)

    def to_edge(self, direction: int) -> None:
        if self._pictures.display:
            self._pictures.turn_to_edge(direction)

    def place_panels(self) -> None:
        width, height = self.size
        beside, below = width >= 120, height >= 44
        together = self._any and not self.enlarged and (beside or below)
        self._report.display = together or self.at_hand is self._report
        self._pictures.display = together or self.at_hand is self._pictures
        self._body.styles.layout = "horizontal" if beside else "vertical"
        self._pictures.styles.width = (
            max(50, int(width * 0.42), width - _WIDEST_REPORT) if together and beside else "1fr"
        )


def _waiting(shown: PageContext) -> str:
    """What to say while no model has results."""
    if at_work(shown.state, shown.sighting) is not None:
        return "the first results come when one model is done"
    if trouble(shown.state, shown.sighting) is not None:
        return "nothing evaluated yet"
    if shown.source is not None and shown.source.cannot_control is not None:
        return f"nothing evaluated yet · {shown.source.cannot_control}"
    return "nothing evaluated yet: press e to evaluate the newest weights"
