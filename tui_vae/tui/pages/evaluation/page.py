"""The evaluation page: verdict or progress, report, and pictures."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from tui_vae.events import EvaluationProgress
from tui_vae.run_status import WriterStatus
from tui_vae.tui.pages.evaluation.pictures import PictureView
from tui_vae.tui.pages.evaluation.report import ReportView, evaluated
from tui_vae.tui.pages.page import PageContext, PanelPage
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState
from tui_vae.view.status_text import NO_WEIGHTS, at_work, percent, share, task, time_left, training_ended, trouble

_LONGEST_BAR = 30


class VerdictLines(Static):
    """As high as its text, which ends in an ellipsis where it would take too much of the page.

    ``whole`` says whether the verdict, if there is one, is shown in full.
    """

    def __init__(self) -> None:
        super().__init__(id="verdict")
        self.display = False
        self.whole = True
        self._lines: tuple[Text, ...] = ()

    def show(self, state: RunState, writer_status: WriterStatus, kept_in: str | None, *, width: int, most: int) -> None:
        """Show progress, an error or the verdict in at most ``most`` lines."""
        lines = self._text(state, writer_status, max(1, width - 2), most)
        if kept_in is not None and len(lines) + 1 < most:
            lines.append(Text(f"kept in {printable(kept_in)}", style="dim", no_wrap=True, overflow="ellipsis"))
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        self.display = bool(lines)
        self.styles.height = len(lines)
        self.update(Text("\n").join(lines))

    def _text(self, state: RunState, writer_status: WriterStatus, width: int, most: int) -> list[Text]:
        lines: list[Text] = []
        progress, wrong = at_work(state, writer_status), trouble(state, writer_status)
        if progress is not None:
            lines.append(_progress_line(progress, width))
        elif wrong is not None:
            lines += _cut(
                self._wrapped(Text(f"{wrong} · press e to try again", style="bold red"), width), max(1, most - 1)
            )
        verdict = state.evaluated.verdict if state.evaluated is not None else None
        self.whole = verdict is None
        if verdict is not None:
            sentence = self._wrapped(Text(printable(verdict.sentence), style="bold"), width)
            room = most - len(lines)
            self.whole = len(sentence) <= room
            lines += _cut(sentence, room)
        return lines

    def _wrapped(self, text: Text, width: int) -> list[Text]:
        lines = list(text.wrap(self.app.console, width))
        for line in lines:
            line.rstrip()
        return lines


def _cut(lines: list[Text], most: int) -> list[Text]:
    """Return at most ``most`` lines, the last with an ellipsis if there are more."""
    if len(lines) <= most:
        return lines
    if most < 1:
        return []
    last = lines[most - 1].copy()
    last.truncate(max(1, last.cell_len - 1))
    return [*lines[: most - 1], last.append("…")]


def _progress_line(progress: EvaluationProgress, width: int) -> Text:
    """Return the task, a bar, the percentage and the time left; the task is shortened first."""
    done = " · ".join(part for part in (percent(progress), time_left(progress)) if part)
    bar = min(_LONGEST_BAR, width // 4)
    full = round(bar * share(progress))
    room = max(0, width - bar - len(done) - 2)
    doing = Text(f"evaluating · {task(progress)}" if room >= 30 else task(progress), no_wrap=True)
    doing.truncate(room, overflow="ellipsis")
    line = Text(no_wrap=True).append(doing).append(" " if room else "")
    return line.append("█" * full, style="green").append("░" * (bar - full), style="dim").append(f" {done}")


_WIDEST_REPORT = 110
"""Columns that a report of two models can use; the pictures get the rest."""


class EvaluationPage(PanelPage):
    """Shows report and pictures side by side, one below the other, or the active one."""

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

    def show(self, context: PageContext) -> None:
        state, ascii_only = context.state, context.settings.ascii_only
        if evaluated(state) != self._any:
            self._any = not self._any
            self.place_panels()
        width, height = self.size
        kept_in = None
        done = self._any and training_ended(state) and state.evaluating is None
        if context.source is not None and done and not context.writer_status.deleted:
            kept_in = context.source.directory()
        most = 1 if height < 12 else max(2, height // 5)
        self._verdict.show(state, context.writer_status, kept_in, width=width, most=most)
        self._report.show(
            state,
            ascii_only=ascii_only,
            whole_verdict=not self._verdict.whole,
            kept_in=kept_in,
            waiting="" if self._any else _waiting(context),
        )
        if self._pictures.display and context.source is not None:
            self._pictures.show(state, context.source, ascii_only=ascii_only, draw=context.settings.draw)

    def step(self, direction: int) -> None:
        """Go to the next models where not all fit, else to the next picture; a step of ten counts as one."""
        one = 1 if direction > 0 else -1
        models = self.active is self._report and self._report.display and self._report.turn(one)
        if not models and self._pictures.display:
            self._pictures.turn(one)

    def to_edge(self, direction: int) -> None:
        if self._pictures.display:
            self._pictures.turn_to_edge(direction)

    def place_panels(self) -> None:
        width, height = self.size
        side_by_side, below = width >= 120, height >= 44
        together = self._any and not self.enlarged and (side_by_side or below)
        self._report.display = together or self.active is self._report
        self._pictures.display = together or self.active is self._pictures
        self._body.styles.layout = "horizontal" if side_by_side else "vertical"
        self._pictures.styles.width = (
            max(50, int(width * 0.42), width - _WIDEST_REPORT) if together and side_by_side else "1fr"
        )


def _waiting(context: PageContext) -> str:
    """Return the text while no model has results."""
    if at_work(context.state, context.writer_status) is not None:
        return "the first results come when one model is done"
    if trouble(context.state, context.writer_status) is not None:
        return "nothing evaluated yet"
    if context.state.own_loop:
        return f"nothing to evaluate: {NO_WEIGHTS}"
    if context.source is not None and context.source.cannot_control is not None:
        return f"nothing evaluated yet · {context.source.cannot_control}"
    return "nothing evaluated yet: press e to evaluate the newest weights"
