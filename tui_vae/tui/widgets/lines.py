"""The lines above and below a page: what is trained and how far, what went wrong, and the most useful keys."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding
from textual.widgets import Static

from tui_vae.condition import Sighting
from tui_vae.view.numbers import count, duration
from tui_vae.view.state import RunState
from tui_vae.view.writer import concern, doing


class StatusLine(Static):
    """The run on the left, progress and time on the right."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._content: Text | None = None

    def show(self, state: RunState, now: float, waiting: str | None, sighting: Sighting) -> None:
        width = self.size.width
        left, right = _left(state, waiting), _right(state, now, sighting)
        if left.cell_len + right.cell_len + 1 > width:
            left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
        line = Text.assemble(left, " " * max(1, width - left.cell_len - right.cell_len), right, no_wrap=True)
        if line != self._content:
            self._content = line
            self.update(line)


def _left(state: RunState, waiting: str | None) -> Text:
    text = Text(" tui-vae", style="bold", no_wrap=True)
    if waiting is not None:
        return text.append(f"  {waiting}…", style="not bold")
    parts = [state.name]
    if state.data is not None:
        parts.append(f"{state.data.name} {count(state.data.train)}")
    parts += [state.device, str(state.config.get("precision", ""))]
    return text.append("  " + " · ".join(part for part in parts if part), style="not bold")


def _right(state: RunState, now: float, sighting: Sighting) -> Text:
    if state.started_at is None:
        return Text()
    what = doing(state, sighting)
    goes_on = what in ("running", "paused", "stalled")
    end = now if goes_on or state.now is None else state.now
    epoch = min((m.epoch for m in state.models.values()), default=0)
    parts = [f"epoch {epoch}/{state.epochs}", duration(state.elapsed(end))]
    if what != "running":
        parts = [what, *parts]
    elif (left := state.seconds_left()) is not None:
        parts.append(f"{duration(left)} left")
    return Text(" · ".join(parts) + " ", no_wrap=True)


class AlertLine(Static):
    """What is wrong, in plain view: with the process that trains, or what went wrong last; else takes no space."""

    def __init__(self) -> None:
        super().__init__(id="alert")
        self.display = False
        self._text: str | None = None

    def show(self, state: RunState, sighting: Sighting) -> None:
        failed = [f"{m.name} failed: {m.reason}" for m in state.models.values() if m.status == "failed"]
        notices = [line.text.splitlines()[-1] for line in state.log[-50:] if line.level != "info" and line.text]
        text = concern(state, sighting, state.name) or "  ".join(failed) or (notices[-1] if notices else None)
        if text == self._text:
            return
        self._text = text
        self.display = text is not None
        self.update(Text(f" {text or ''}", no_wrap=True, overflow="ellipsis"))


class KeyHints(Static):
    """As many of the keys as fit, made from the bindings; help and leaving always stand at the end."""

    def __init__(self, bindings: list[Binding]) -> None:
        super().__init__(id="keys")
        shown = [binding for binding in bindings if binding.show]
        self._always = [b for b in shown if b.id in ("help", "leave")]
        self._others = [b for b in shown if b not in self._always]

    def on_resize(self) -> None:
        always = Text.assemble(*(_hint(binding) for binding in self._always))
        line = Text(no_wrap=True)
        for binding in self._others:
            hint = _hint(binding)
            if line.cell_len + hint.cell_len + always.cell_len <= self.size.width:
                line.append(hint)
        self.update(line.append(always))


def _hint(binding: Binding) -> Text:
    return Text.assemble(" ", (binding.key_display or binding.key, "bold"), " ", (binding.description, "dim"), " ")
