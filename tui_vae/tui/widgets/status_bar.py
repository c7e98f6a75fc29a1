"""The lines around a page: status, alert, filter and key hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_vae.run_status import WriterStatus
from tui_vae.tui.keys import Hint, key_of, key_of_page
from tui_vae.tui.pages.machine import header
from tui_vae.view.machine import MachineReading
from tui_vae.view.numbers import count, duration, out_of
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState
from tui_vae.view.status_text import at_work, percent, run_status, status_warning, time_left


class FilterLine(Horizontal):
    """The line for globs that choose which models the charts show; hidden until it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "show all", show=False)]

    class Changed(Message):
        """The globs have changed; empty globs match every model."""

        def __init__(self, globs: str) -> None:
            super().__init__()
            self.globs = globs

    def __init__(self) -> None:
        super().__init__(id="filter")
        self.display = False
        self._input = Input(placeholder="models to show, such as deep*, run-a/*", compact=True)
        self._before: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static(" / ")
        yield self._input
        yield Static(" enter keep  esc show all ", id="filter-keys")

    def open(self, globs: str) -> None:
        """Open the line for editing these globs."""
        if not self.display:
            self._before = self.screen.focused
        self.display = True
        self._input.value = globs
        self._input.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.display = False

    def action_clear(self) -> None:
        self._input.value = ""
        self._close()

    def _close(self) -> None:
        self.display = False
        if self._before is not None and self._before.is_attached:
            self._before.focus()


class StatusLine(Static):
    """The run on the left, progress and time on the right."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._content: Text | None = None
        self._draw: Callable[[], None] | None = None

    def show(
        self,
        state: RunState,
        now: float,
        waiting: str | None,
        writer_status: WriterStatus,
        machine: Sequence[MachineReading] = (),
    ) -> None:
        self._draw = lambda: self._fit(state, now, waiting, writer_status, machine)
        self._draw()

    def on_resize(self) -> None:
        if self._draw is not None:  # not only with the next event of the run
            self._draw()

    def _fit(
        self,
        state: RunState,
        now: float,
        waiting: str | None,
        writer_status: WriterStatus,
        machine: Sequence[MachineReading],
    ) -> None:
        width = self.size.width
        right = _right(state, now, writer_status, width)
        left = _left(state, waiting, width - right.cell_len - 2)
        if machine:
            left.append(_machine(machine[-1], width - left.cell_len - right.cell_len))
        line = Text.assemble(left, " " * max(1, width - left.cell_len - right.cell_len), right, no_wrap=True)
        if line != self._content:
            self._content = line
            self.update(line, layout=False)  # its height never changes


def _left(state: RunState, waiting: str | None, room: int) -> Text:
    """Return the program and the run, in the longest description that fits."""
    text = Text(" tui-vae", style="bold", no_wrap=True)
    if waiting is not None:
        text.append(f"  {waiting}…", style="not bold")
    else:
        shown = next((of for of in _descriptions(state) if text.cell_len + 2 + cell_len(of) <= room), state.name)
        text.append(f"  {shown}", style="not bold")
    text.truncate(max(0, room), overflow="ellipsis")
    return text


def _descriptions(state: RunState) -> Iterator[str]:
    """Yield descriptions of the run, from long to short; the least important parts are left out first."""
    data = state.data
    name = data.name if data is not None else ""
    size = f" {count(data.train)}" if data is not None and data.train is not None else ""
    device, precision = state.device or "", str(state.config.get("precision", ""))
    for parts in ((name + size, device, precision), (name, device, precision), (name, device), (name,)):
        yield " · ".join(part for part in (state.name, *parts) if part)


def _machine(reading: MachineReading, room: int) -> Text:
    """Return as much of the newest reading as fits."""
    text = Text(no_wrap=True)
    for part in header(reading):
        piece = f"{' · ' if text else '    '}{part}"
        if text.cell_len + len(piece) + 2 > room:
            break
        text.append(piece, style="not bold dim")
    return text


def _right(state: RunState, now: float, writer_status: WriterStatus, width: int) -> Text:
    if state.started_at is None:
        return Text()
    what = run_status(state, writer_status)
    goes_on = what in ("running", "paused", "stalled")
    end = now if goes_on or state.now is None else state.now
    evaluation = at_work(state, writer_status)
    last = min(state.models.values(), key=lambda model: model.epoch, default=None)
    epoch, epochs = (last.epoch, state.epochs_of(last)) if last is not None else (0, state.epochs)
    parts = [f"epoch {out_of(epoch, epochs)}", duration(state.elapsed(end))]
    if evaluation is not None:
        parts.insert(0, f"evaluating {percent(evaluation)}")
    if what != "running":
        parts = [what, *parts]
    elif (left := state.seconds_left()) is not None:
        parts.append(f"{duration(left)} left")
    elif evaluation is not None and (shown := time_left(evaluation)) is not None:
        parts.append(shown)
    # The first parts are the most important.
    while len(parts) > 1 and len(" · ".join(parts)) + 2 > width:
        parts.pop(-2)
    return Text(" · ".join(parts) + " ", no_wrap=True)


class AlertLine(Static):
    """The most serious problem: of the process, of a failed model, or the last warning; hidden if there is none."""

    def __init__(self) -> None:
        super().__init__(id="alert")
        self.display = False
        self._content: Text | None = None

    def show(self, state: RunState, writer_status: WriterStatus) -> None:
        content = _alert(state, writer_status, self.app.size.width)
        if content == self._content:
            return
        self._content = content
        self.display = content is not None
        self.update(content or "")


def _alert(state: RunState, writer_status: WriterStatus, width: int) -> Text | None:
    """Return what is wrong, and where a model's failure is explained."""
    failed = "  ".join(f"{m.name} failed: {m.reason}" for m in state.models.values() if m.status == "failed")
    notices = [line.text.splitlines()[-1] for line in state.log[-50:] if line.level != "info" and line.text]
    process = status_warning(state, writer_status, state.name)
    text = process or failed or (notices[-1] if notices else None)
    if text is None:
        return None
    alert = Text(f" {printable(text)}", no_wrap=True, overflow="ellipsis")
    where = f" · {key_of_page('log')} shows why "
    if failed and process is None and width > 4 * len(where):
        alert.truncate(width - len(where), overflow="ellipsis")
        alert.append(where)
    return alert


_ALWAYS = ("help", "palette", "leave")
"""Identifiers of the bindings that are always named."""


class KeyHints(Static):
    """As many key hints as fit; help, the menu of all commands and leave are always at the end.

    Args:
        bindings: Of all keys.
        pages: Those that choose a page; where not all of them fit they share one hint.
    """

    def __init__(self, bindings: list[Binding], pages: list[Binding]) -> None:
        super().__init__(id="keys")
        self._shown = [binding for binding in bindings if binding.show]
        self._pages = pages
        self._own: tuple[Binding, ...] = ()
        self._first: tuple[Hint, ...] = ()
        self._without_effect: frozenset[str] = frozenset()
        self._arrange()
        self._greetings = _greetings()
        self._greeting = False

    def of_page(
        self, own: Sequence[object], first: tuple[Hint, ...] = (), without_effect: frozenset[str] = frozenset()
    ) -> None:
        """Name the keys of the page at hand before those of all pages, and none that means something else there.

        Args:
            own: The bindings of the page alone.
            first: What else of all keys is of most use there.
            without_effect: Actions that would do nothing now, and are not named.
        """
        bindings = tuple(binding for binding in own if isinstance(binding, Binding))
        if (bindings, first, without_effect) != (self._own, self._first, self._without_effect):
            self._own, self._first, self._without_effect = bindings, first, without_effect
            self._arrange()
            self.on_resize()

    def _arrange(self) -> None:
        """Collect the hints: those always shown, all others, and the others with one hint for all pages."""
        taken = {key for binding in self._own for key in binding.key.split(",")}
        first = [hint for hint in self._first if not self._without_effect.issuperset(hint.actions)]
        named = {action for hint in first for action in hint.actions} | self._without_effect
        shown = [b for b in self._shown if not taken & set(b.key.split(",")) and b.action not in named]
        self._always = [_hint(b) for b in shown if b.id in _ALWAYS]
        own = [_hint(b) for b in self._own if b.show and b.action not in self._without_effect]
        own += [_key_and_text(hint.keys, hint.text) for hint in first]
        others = [b for b in shown if b.id not in _ALWAYS]
        self._each = own + [_hint(b) for b in others]
        self._shared = own + [_hint(b) for b in others if b not in self._pages]
        keys = [binding.key_display or binding.key for binding in self._pages]
        self._shared.insert(min(2, len(own)) or 1, _key_and_text(f"{keys[0]}–{keys[-1]}", "pages"))

    def greet(self, greeting: bool) -> None:
        """Show the hint for new users in place of all others, or stop showing it."""
        if greeting != self._greeting:
            self._greeting = greeting
            self.set_class(greeting, "-greeting")
            self.on_resize()

    def on_resize(self) -> None:
        width = self.size.width
        if self._greeting:
            self.update(Text(next((text for text in self._greetings if len(text) <= width), ""), no_wrap=True))
            return
        line = Text(no_wrap=True)
        fits = sum(hint.cell_len for hint in (*self._each, *self._always)) <= width
        room = width - sum(hint.cell_len for hint in self._always)
        for hint in self._each if fits else self._shared:
            if line.cell_len + hint.cell_len <= room:
                line.append(hint)
        self.update(Text.assemble(line, *self._always, no_wrap=True))


def _greetings() -> list[str]:
    """Return the hint for new users, from long to short."""
    every, pause, leave, theme = (key_of(action) for action in ("help", "pause_model", "leave", "next_theme"))
    few = f"{pause} pauses · {leave} leaves"
    whole = f"{every} shows every key · {few}"
    forms = (f"welcome!  {whole} · {theme} changes the colours", whole, f"{every} keys · {few}", f"{every} keys")
    return [f" {form} " for form in forms]


def _hint(binding: Binding) -> Text:
    return _key_and_text(binding.key_display or binding.key, binding.description)


def _key_and_text(key: str, text: str) -> Text:
    return Text.assemble(" ", (key, "bold"), " ", (text, "dim"), " ")
