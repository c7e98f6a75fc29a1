"""Asks for the epochs to add to a model, or for its learning rate, and checks what is typed as it is typed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label, Static

from tui_vae.config import Change, ChangeKind
from tui_vae.errors import UsageError
from tui_vae.tui.screens.dialog import Dialog
from tui_vae.view.state import ModelState, RunState


class ChangeScreen(Dialog[Change | None]):
    """Returns the change, or ``None`` for leaving all as it is.

    Args:
        kind: What is to be changed.
        model: Of which model, as it stands.
        state: The run.
    """

    BINDINGS: ClassVar = [("escape,ctrl+c", "dismiss", "Cancel")]

    def __init__(self, kind: ChangeKind, model: ModelState, state: RunState) -> None:
        super().__init__()
        self._kind = kind
        self._model = model
        self._epochs = state.epochs_of(model)
        self._schedule = str(state.config.get("schedule", ""))
        self._lr = state.lr_of(model)

    def compose(self) -> ComposeResult:
        rate = self._kind == "set_learning_rate"
        now = "" if self._lr is None else f"{self._lr:g}"
        with Vertical(id="change-dialog", classes="dialog"):
            yield Label(Text(f"{self._model.name}: {'peak learning rate' if rate else 'epochs to add'}"))
            # No number of epochs stands there: enter alone, pressed by a slip, changes nothing.
            yield Input(now if rate else "", id="change-value", compact=True)
            yield Static(id="change-outcome")

    def begin(self) -> None:
        self._check(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._check(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        change = self._check(event.value)
        if change is not None:
            unchanged = change.kind == "set_learning_rate" and change.value == self._lr
            self.dismiss(None if unchanged else change)

    def _check(self, text: str) -> Change | None:
        """The change that is typed, once it is one; says what it would do, or what is missing."""
        try:
            change = Change.parse(self._kind, text)
        except UsageError as error:
            self._say(Text(f"{error}", style="bold red"))
            return None
        self._say(Text(self._outcome(change), style="dim"))
        return change

    def _say(self, text: Text) -> None:
        self.query_one("#change-outcome", Static).update(
            Text.assemble(text, "\n", ("enter", "bold"), " do it   ", ("esc", "bold"), " cancel")
        )

    def _outcome(self, change: Change) -> str:
        constant = self._schedule == "constant"
        if change.kind == "set_learning_rate":
            now = "unknown" if self._lr is None else f"{self._lr:g}"
            what = f"{now} now; {change.value:g} from the next step on"
            return what if constant else f"{what}, the shape of the schedule stays"
        what = f"epoch {self._model.epoch} of {self._epochs:,} now; {self._epochs + int(change.value):,} in all"
        return what if constant else f"{what}, the schedule is stretched over them from here on"
