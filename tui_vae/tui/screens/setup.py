"""The form for a new run: every option, checked as it is typed, the models' sizes, and the command line."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Button, Checkbox, Input, Label, Static

from tui_vae.config import StoreConfig, TrainConfig, option_names
from tui_vae.config.form_parser import FIELDS, ParsedForm, default_text, is_switch, parse_form
from tui_vae.events import Parameters
from tui_vae.run_status import ListedRun
from tui_vae.tui.background import run_in_thread
from tui_vae.tui.screens.dialogs import Dialog
from tui_vae.view.numbers import count
from tui_vae.view.run_source import RunLibrary
from tui_vae.view.sanitize import printable
from tui_vae.view.study import parameters_of

_NAMED_DEFAULT = re.compile(r"\[default: (.+?)\]")
_WIDTH_OF_INPUT = 26
"""Characters that an input shows next to its help; a longer text takes the place of that."""


class OptionRow(Container):
    """One option: its name, an input or a switch, and its help or what is wrong. The placeholder is the default."""

    def __init__(self, field: dataclasses.Field[Any]) -> None:
        super().__init__()
        self.field_name = field.name
        self.help = str(field.metadata["help"])
        self._option = option_names(field)[0]
        named = _NAMED_DEFAULT.search(self.help)  # where no value can express it
        default = default_text(field) or (named[1] if named is not None else "")
        self._control: Input | Checkbox = (
            Checkbox("off", compact=True)
            if is_switch(field)
            else Input(placeholder=default, compact=True, select_on_focus=False)
        )
        self._control.id = f"option-{field.name}"
        self._note = Static(classes="option-note")
        self.problem: str | None = None

    def compose(self) -> ComposeResult:
        yield Label(self._option, classes="option-name")
        yield self._control
        yield self._note

    def on_mount(self) -> None:
        self.judge(None)

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        event.checkbox.label = "on" if event.value else "off"  # also without colours

    def on_input_changed(self, event: Input.Changed) -> None:
        self.set_class(len(event.value) > _WIDTH_OF_INPUT, "-long")

    @property
    def text(self) -> str:
        """The text that was typed; of a switch that is on, a text that is not empty."""
        if isinstance(self._control, Checkbox):
            return "on" if self._control.value else ""
        return self._control.value

    def judge(self, problem: str | None) -> None:
        """Show what is wrong with the value, or the help."""
        self.problem = problem
        self.set_class(problem is not None, "-wrong")
        text = Text(problem) if problem is not None else Text(self.help, style="dim")
        text.no_wrap, text.overflow = True, "ellipsis"
        self._note.update(text)

    def choose(self) -> None:
        """Focus the input."""
        self._control.focus()


_WIDE, _HIGH = 84, 20
_MOST_MODELS = 4

_SECONDS_BEFORE_CHECK = 0.5
"""After the last key: what is still being typed is not executed."""


class SetupScreen(Dialog[str | None]):
    """The form; returns the key of the run that was started, or ``None``.

    Args:
        library: Starts it.
    """

    BINDINGS: ClassVar = [
        ("escape", "close", "Close"),
        ("ctrl+s", "start", "Start"),
        ("ctrl+y", "copy", "Copy the command"),
        # Before those of the scrolling container: it follows the focused option.
        Binding("up", "app.focus_previous", "Option above", priority=True),
        Binding("down", "app.focus_next", "Option below", priority=True),
    ]

    def __init__(self, library: RunLibrary) -> None:
        super().__init__()
        self._library = library
        self._rows = {name: OptionRow(field) for name, field in FIELDS.items()}
        self._filled = ParsedForm()
        self._starting = False
        self._said: str | None = None
        self._networks: dict[Hashable, Mapping[str, Parameters] | str] = {}
        self._check_later: Timer | None = None
        self._check_waits = False
        self._taken: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        with Vertical(id="setup", classes="dialog") as dialog:
            dialog.border_title = " a new run "
            dialog.border_subtitle = " ctrl+s start · ctrl+y copy command · esc close "
            with VerticalScroll(id="setup-options", can_focus=False):
                for panel, fields in groupby(FIELDS.values(), lambda field: str(field.metadata["panel"])):
                    yield Label(panel, classes="option-panel")
                    yield from (self._rows[field.name] for field in fields)
            yield Static(id="setup-about")
            yield Static(id="setup-counts")
            yield Static(id="setup-command")
            with Horizontal(id="setup-buttons"):
                yield Button("start", id="setup-start", compact=True, variant="primary")
                yield Button("close", id="setup-close", compact=True)

    def begin(self) -> None:
        self._check()
        # Names alone: of no run more than its folder is read.
        run_in_thread(self.app, self._library.list, self._know, lambda why: None)
        self._rows["models"].choose()

    def on_resize(self, event: events.Resize) -> None:
        dialog = self.query_one("#setup")
        dialog.set_class(event.size.width < _WIDE, "-narrow")
        dialog.set_class(event.size.height < _HIGH, "-low")

    # Checking.

    def on_input_changed(self) -> None:
        """Check once for all that was typed at once: behind the other changes that wait to be noticed."""
        self._said = None
        if not self._check_waits:
            self._check_waits = self.call_later(self._check)

    def on_checkbox_changed(self) -> None:
        self.on_input_changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.focus_next()

    def on_descendant_focus(self) -> None:
        self._tell()

    def _check(self) -> None:
        self._check_waits = False
        self._filled = parse_form({name: row.text for name, row in self._rows.items()})
        name = self._rows["name"].text.strip()
        if name.casefold() in self._taken:
            problem = f"a run named {name} exists: choose another name"
            self._filled = ParsedForm({**self._filled.problems, "name": problem})
        self._check_networks()
        for name, row in self._rows.items():
            row.judge(self._filled.problems.get(name))
        self.query_one("#setup-start", Button).disabled = bool(self._filled.problems) or self._starting
        self._tell()

    def _know(self, runs: Sequence[ListedRun]) -> None:
        """Take the names of all runs, which a new one cannot have."""
        self._taken = frozenset(run.name.casefold() for run in runs)
        if self.is_attached:
            self._check()

    def _check_networks(self) -> None:
        """Take what is known of the user's networks as part of the form, and find out what is not, a little later."""
        train = self._filled.train
        if self._check_later is not None:
            self._check_later.stop()
        own = None if train is None else _own(train)
        if train is None or own is None:
            return
        found = self._networks.get(own)
        if found is None:
            self._check_later = self.set_timer(_SECONDS_BEFORE_CHECK, lambda: self._find_out(own, train))
        elif isinstance(found, str):
            self._filled = ParsedForm({"models": found})

    def _find_out(self, own: Hashable, train: TrainConfig) -> None:
        def found(result: Mapping[str, Parameters] | str) -> None:
            self._networks[own] = result
            if self.is_attached:
                self._check()

        run_in_thread(self.app, lambda: self._library.check(train), found, found)

    def _tell(self) -> None:
        """Show the help of the focused option, the sizes of the models, and the command line."""
        about, (text, wrong) = self.query_one("#setup-about", Static), self._about()
        about.set_class(wrong, "-wrong")
        about.update(Text(text))
        train = self._filled.train
        self.query_one("#setup-counts", Static).update(
            _counts(train, self._networks.get(_own(train))) if train is not None else Text()
        )
        command = Text(self.command, style="bold") if train is not None else Text("not yet a command", style="dim")
        # Three lines; wrapping at words leaves parts of them empty.
        command.truncate(max(20, round(2.5 * self.query_one("#setup-options").size.width)), overflow="ellipsis")
        self.query_one("#setup-command", Static).update(command)

    def _about(self) -> tuple[str, bool]:
        """Return the text below the options, and whether it reports an error."""
        if self._said is not None:
            return self._said, not self._starting
        row = next((row for row in self._rows.values() if row.has_focus_within), None)
        problem = (row.problem if row is not None else None) or self._filled.problems.get("")
        if problem is not None:
            return problem, True
        return row.help if row is not None else "", False

    @property
    def command(self) -> str:
        """The equivalent command line."""
        folder = self._library.folder
        where = ["--runs-dir", folder] if folder != StoreConfig().runs_dir else []
        return shlex.join(["tui-vae", *self._filled.arguments, *where])

    # Actions.

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "setup-start":
            self.action_start()
        else:
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        self._check()
        if self._filled.train is not None:
            self.app.copy_to_clipboard(self.command)
            self.notify("copied, where the terminal allows it", timeout=3)
        else:
            self.notify("not a valid command yet: correct the options in red", timeout=3)

    def action_start(self) -> None:
        self._check()
        wrong = next((name for name in self._rows if name in self._filled.problems), None)
        if wrong is not None:
            self._rows[wrong].choose()
            self._networks.clear()  # their source may have been mended
            self._check()
            return
        if self._starting or self._filled.problems:
            return
        self._starting = True
        self._said = "starting a new process…"
        self._check()
        arguments = self._filled.arguments
        run_in_thread(self.app, lambda: self._library.start(arguments), self._started, self._failed)

    def _started(self, key: str) -> None:
        if self.is_attached:
            self.dismiss(key)
        else:
            self.app.notify("the run has started; page 0 lists it", timeout=10)

    def _failed(self, why: str) -> None:
        self._starting, self._said = False, printable(why)
        if self.is_attached:
            self._check()
        else:
            self.app.notify(self._said, severity="error", timeout=10, markup=False)


def _own(train: TrainConfig) -> Hashable | None:
    """Return all that the check of the user's networks depends on but their source; ``None`` without any."""
    specs = tuple(spec for spec in train.models if spec.network is not None)
    return (specs, train.zdim, train.sigma) if specs else None


def _counts(train: TrainConfig, own: Mapping[str, Parameters] | str | None) -> Text:
    """Return the parameters of every architecture: total, encoder and decoder.

    Args:
        train: The configuration.
        own: Parameters of the user's networks; ``None`` while they are checked.
    """
    specs = {spec.architecture: spec for spec in train.models}
    text = Text()
    width = max(len(name) for name in specs)
    for name, spec in list(specs.items())[:_MOST_MODELS]:
        parameters = parameters_of(spec, train) if spec.network is None else _of_own(name, own)
        if parameters is None:
            text.append(f"{printable(name):{min(width, 16)}} ").append("checking its networks…\n", style="dim")
            continue
        parts = f"{count(parameters.encoder):>11} encoder {count(parameters.decoder):>11} decoder"
        text.append(f"{printable(name):{min(width, 16)}} ").append(f"{count(parameters.total):>11}", style="bold")
        text.append(f" parameters  {parts}\n", style="dim")
    if len(specs) > _MOST_MODELS:
        text.append(f"and {len(specs) - _MOST_MODELS} more models\n", style="dim")
    if train.seeds > 1:
        text.append(f"each {train.seeds} times\n", style="dim")
    text.right_crop(1)
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _of_own(name: str, own: Mapping[str, Parameters] | str | None) -> Parameters | None:
    return own.get(name) if isinstance(own, Mapping) else None
