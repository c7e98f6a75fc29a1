"""What stands above an evaluation: what is computed and how far, what went wrong, or the verdict."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from tui_vae.events import EvaluationProgress
from tui_vae.run_status import WriterStatus
from tui_vae.view.evaluation_status import at_work, percent, share, task, time_left, trouble
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState

_LONGEST_BAR = 30


class VerdictLines(Static):
    """As high as its text, which is cut with a sign where it would take more than its share of the page.

    ``whole`` says whether the verdict, if there is one, is told in full.
    """

    def __init__(self) -> None:
        super().__init__(id="verdict")
        self.display = False
        self.whole = True
        self._lines: tuple[Text, ...] = ()

    def show(self, state: RunState, sighting: WriterStatus, kept_in: str | None, *, width: int, most: int) -> None:
        """Show what is to be told in at most ``most`` lines; what is at work comes first."""
        lines = self._told(state, sighting, max(1, width - 2), most)
        if kept_in is not None and len(lines) + 1 < most:
            lines.append(Text(f"kept in {printable(kept_in)}", style="dim", no_wrap=True, overflow="ellipsis"))
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        self.display = bool(lines)
        self.styles.height = len(lines)
        self.update(Text("\n").join(lines))

    def _told(self, state: RunState, sighting: WriterStatus, width: int, most: int) -> list[Text]:
        lines: list[Text] = []
        progress, wrong = at_work(state, sighting), trouble(state, sighting)
        if progress is not None:
            lines.append(_progress_line(progress, width))
        elif wrong is not None:
            lines += _cut(self._wrapped(Text(f"{wrong} · e tries again", style="bold red"), width), max(1, most - 1))
        verdict = state.evaluated.verdict if state.evaluated is not None else None
        self.whole = verdict is None
        if verdict is not None:
            told = self._wrapped(Text(printable(verdict.sentence), style="bold"), width)
            room = most - len(lines)
            self.whole = len(told) <= room
            lines += _cut(told, room)
        return lines

    def _wrapped(self, text: Text, width: int) -> list[Text]:
        lines = list(text.wrap(self.app.console, width))
        for line in lines:
            line.rstrip()
        return lines


def _cut(lines: list[Text], most: int) -> list[Text]:
    """At most so many lines, the last with a sign that there are more; a single one says too little."""
    if len(lines) <= most:
        return lines
    if most < 1:
        return []
    last = lines[most - 1].copy()
    last.truncate(max(1, last.cell_len - 1))
    return [*lines[: most - 1], last.append("…")]


def _progress_line(progress: EvaluationProgress, width: int) -> Text:
    """What is computed, a bar, the share and the time left; the text of what is computed gives way."""
    done = " · ".join(part for part in (percent(progress), time_left(progress)) if part)
    bar = min(_LONGEST_BAR, width // 4)
    full = round(bar * share(progress))
    room = max(0, width - bar - len(done) - 2)
    doing = Text(f"evaluating · {task(progress)}" if room >= 30 else task(progress), no_wrap=True)
    doing.truncate(room, overflow="ellipsis")
    line = Text(no_wrap=True).append(doing).append(" " if room else "")
    return line.append("█" * full, style="green").append("░" * (bar - full), style="dim").append(f" {done}")
