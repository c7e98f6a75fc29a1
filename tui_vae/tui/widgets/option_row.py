"""One option in a form: its name, where it is typed or switched, and what is wrong with it or what it means."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Checkbox, Input, Label, Static

from tui_vae.config import option_names
from tui_vae.config.form_parser import default_text, is_switch


class OptionRow(Container):
    """Made from the field of a configuration; the default is what stands where nothing is typed."""

    def __init__(self, field: dataclasses.Field[Any]) -> None:
        super().__init__()
        self.field_name = field.name
        self.help = str(field.metadata["help"])
        self._option = option_names(field)[0]
        default = default_text(field) or field.metadata["metavar"] or ""
        self._control: Input | Checkbox = (
            Checkbox("off", compact=True) if is_switch(field) else Input(placeholder=default, compact=True)
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

    @property
    def text(self) -> str:
        """What was typed; a switch that is on has some text."""
        if isinstance(self._control, Checkbox):
            return "on" if self._control.value else ""
        return self._control.value

    def judge(self, problem: str | None) -> None:
        """Show what is wrong with it, or what it means."""
        self.problem = problem
        self.set_class(problem is not None, "-wrong")
        text = Text(problem) if problem is not None else Text(self.help, style="dim")
        text.no_wrap, text.overflow = True, "ellipsis"
        self._note.update(text)

    def choose(self) -> None:
        """Let the user go on here."""
        self._control.focus()
