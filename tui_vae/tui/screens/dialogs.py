"""Modal dialogs that ask for a choice or for one line of text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from tui_vae.config import Change, ChangeKind, check_name
from tui_vae.errors import UsageError
from tui_vae.run_status import ListedRun
from tui_vae.view.numbers import size
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.status_text import evaluation_alone


class Dialog(ModalScreen[ScreenResultType]):
    """A modal screen that is dismissed once: a second click in haste must not dismiss the screen below."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Dismiss the dialog if it is the active screen."""
        return super().dismiss(result) if self.is_active else AwaitComplete.nothing()  # type: ignore[no-untyped-call]

    def on_mount(self) -> None:
        if self.children:  # nothing is composed if the app is ending
            self.begin()

    def begin(self) -> None:
        """Called when all widgets are mounted."""


_SECONDS_OF_A_WORD = 1.0
"""Time after a letter that is no answer in which further letters are taken for the same word."""


def choice(key: str, text: str, id: str) -> Option:
    return Option(Text.assemble((f"{key:>4}", "bold"), f"  {text}"), id=id)


class Choices(OptionList):
    """A list of choices. Textual's fails to page where not a single line fits."""

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class ChoiceDialog(Dialog[ScreenResultType]):
    """Answered by a key. Words typed by mistake, as if into a shell, are not answers, and enter then cancels."""

    _mistyped_at = -_SECONDS_OF_A_WORD

    def on_key(self, event: Key) -> None:
        if not event.is_printable:
            return
        if event.key not in self.active_bindings:
            self._mistyped_at = time.monotonic()
            choices = self.query_one(Choices)
            choices.highlighted = choices.option_count - 1
        if time.monotonic() - self._mistyped_at < _SECONDS_OF_A_WORD:
            event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option.id or "cancel")

    def action_choose(self, chosen: str) -> None:
        """Take the answer with this name, or ``cancel``."""
        raise NotImplementedError


class Palette(CommandPalette, Dialog[None]):
    """Textual's palette, as a dialog whose list may be empty."""

    def _action_command_list(self, action: str) -> None:
        if self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)


class Leave(Enum):
    """How the interface was left."""

    DONE = "done"
    HEADLESS = "headless"
    STOP = "stop"


_TRAINING = (
    "Training is still running. Leave?",
    "keep training here without the interface",
    "stop and save a checkpoint, to resume later",
)
_EVALUATION = (
    "Training is done; the evaluation is still running. Leave?",
    "keep evaluating here without the interface",
    "stop the evaluation; the models are kept",
)


class LeaveScreen(ChoiceDialog[Leave | None]):
    """Asks what becomes of training; returns the choice, or ``None`` to stay.

    Args:
        evaluation_alone: Whether training has ended and only its evaluation goes on.
    """

    BINDINGS: ClassVar = [
        ("escape,q", "choose('cancel')", "Cancel"),
        ("h", "choose('headless')", "Headless"),
        ("s,ctrl+c", "choose('stop')", "Stop"),
    ]

    def __init__(self, evaluation_alone: bool) -> None:
        super().__init__()
        self._texts = _EVALUATION if evaluation_alone else _TRAINING

    def compose(self) -> ComposeResult:
        question, headless, stop = self._texts
        with Vertical(id="leave-dialog", classes="dialog"):
            yield Label(question)
            yield Choices(
                choice("h", headless, "headless"), choice("s", stop, "stop"), choice("esc", "cancel", "cancel")
            )

    def action_choose(self, chosen: str) -> None:
        self.dismiss(Leave(chosen) if chosen != "cancel" else None)


class LeaveStartedScreen(ChoiceDialog[str | None]):
    """Asks what becomes of runs that were started here and train in processes of their own.

    Returns ``leave``, ``stop``, or ``None`` to stay.

    Args:
        names: Of the runs, at least one.
    """

    BINDINGS: ClassVar = [
        ("escape,q", "choose('cancel')", "Cancel"),
        ("l", "choose('leave')", "Leave"),
        ("s", "choose('stop')", "Stop"),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        which = _shortened(self._names[0]) if len(self._names) == 1 else f"{len(self._names)} runs"
        verb = "is" if len(self._names) == 1 else "are"
        with Vertical(id="leave-dialog", classes="dialog"):
            yield Label(Text(f"{which} {verb} still training elsewhere. Leave?"))
            yield Choices(
                choice("l", "leave and let training go on; tui-vae watch shows it", "leave"),
                choice("s", "stop after a checkpoint, and leave", "stop"),
                choice("esc", "cancel", "cancel"),
            )

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen if chosen != "cancel" else None)


_STOP_TRAINING = "Stop training?", "stop all models and save a checkpoint, to resume later"
_STOP_LOOP = "Stop training?", "stop the training loop at its next check"
_STOP_EVALUATION = "Training is done. Stop the evaluation?", "stop it; the models are kept"

_MOST_OF_A_NAME = 20
"""In cells, as some characters are two cells wide."""


class StopScreen(ChoiceDialog[str | None]):
    """Asks before training is stopped; returns ``all``, ``one`` for a single model, or ``None`` to cancel.

    Args:
        state: The run: its training, its loop, or only its evaluation is to be stopped.
        one: The model that may be stopped alone; ``None`` to offer only all.
    """

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("s,S,y", "choose('all')", "Stop"),
        ("o", "choose('one')", "Stop one"),
    ]

    def __init__(self, state: RunState, one: str | None) -> None:
        super().__init__()
        self._one = one
        self._texts = _STOP_TRAINING
        if evaluation_alone(state):
            self._texts = _STOP_EVALUATION
        elif state.own_loop:
            self._texts = _STOP_LOOP

    def compose(self) -> ComposeResult:
        question, stop = self._texts
        with Vertical(id="stop-dialog", classes="dialog"):
            yield Label(question)
            one = [choice("o", f"stop only {_shortened(self._one)}", "one")] if self._one is not None else []
            yield Choices(choice("s", stop, "all"), *one, choice("esc", "cancel", "cancel"))

    def action_choose(self, chosen: str) -> None:
        if chosen != "one" or self._one is not None:
            self.dismiss(chosen if chosen != "cancel" else None)


def _shortened(name: str) -> str:
    text = Text(name)
    text.truncate(_MOST_OF_A_NAME, overflow="ellipsis")
    return text.plain


class DeleteScreen(ChoiceDialog[bool]):
    """Asks before a run is deleted; returns whether to delete it."""

    BINDINGS: ClassVar = [
        ("escape,q,n,ctrl+c", "choose('cancel')", "Cancel"),
        ("d,D,y", "choose('delete')", "Delete"),
    ]

    def __init__(self, run: ListedRun) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        with Vertical(id="delete-dialog", classes="dialog"):
            yield Label(Text(f"Delete the run {self._run.name}?", no_wrap=True, overflow="ellipsis"))
            delete = f"delete {size(self._run.size)} permanently"
            if self._run.link is not None:
                delete = "remove the link"
                yield Label(Text(f"This is a link; the run itself stays in {self._run.link}"), id="delete-link")
            yield Choices(choice("d", delete, "delete"), choice("esc", "cancel", "cancel"))

    def begin(self) -> None:
        self.query_one(OptionList).highlighted = 1  # a key pressed once too often deletes nothing

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen == "delete")


class ExportScreen(ChoiceDialog[str | None]):
    """Asks how to write a run for other tools; returns the format, or ``None`` to cancel."""

    BINDINGS: ClassVar = [
        ("escape,q,ctrl+c", "choose('cancel')", "Cancel"),
        ("c", "choose('csv')", "CSV"),
        ("p", "choose('parquet')", "Parquet"),
        ("t", "choose('tensorboard')", "TensorBoard"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="export-dialog", classes="dialog"):
            yield Label("Export progress, epochs and evaluation")
            yield Choices(
                choice("c", "as CSV", "csv"),
                choice("p", "as Parquet (pandas, polars, DuckDB, R)", "parquet"),
                choice("t", "for TensorBoard, with pictures", "tensorboard"),
                choice("esc", "cancel", "cancel"),
            )

    def action_choose(self, chosen: str) -> None:
        self.dismiss(chosen if chosen != "cancel" else None)


class RenameScreen(Dialog[str | None]):
    """Asks for a run's new name; returns it, or ``None`` if it stays."""

    BINDINGS: ClassVar = [("escape", "dismiss(None)", "Cancel")]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_now = name

    def compose(self) -> ComposeResult:
        with Vertical(id="rename-dialog", classes="dialog") as dialog:
            dialog.border_subtitle = " enter rename · esc cancel "
            yield Label(Text(f"New name for {self._name_now}:"))
            yield Input(self._name_now, id="new-name", compact=True)
            yield Static(id="name-trouble")

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#name-trouble", Static).update(Text(_trouble(event.value) or ""))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if _trouble(event.value) is None:
            self.dismiss(event.value if event.value != self._name_now else None)


def _trouble(name: str) -> str | None:
    try:
        check_name(name, "a run name")
    except UsageError as error:
        return str(error)
    return None


class ChangeScreen(Dialog[Change | None]):
    """Asks for epochs to add or a learning rate; returns the change, or ``None`` to cancel.

    Args:
        kind: What to change.
        model: The model.
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
            # Empty for epochs, so that enter alone, pressed by mistake, changes nothing.
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
        """Return the change that was typed, if it is valid; show what it would do, or what is wrong."""
        try:
            change = Change.parse(self._kind, text)
        except UsageError as error:
            self._say(Text(f"{error}", style="bold red"))
            return None
        self._say(Text(self._outcome(change), style="dim"))
        return change

    def _say(self, text: Text) -> None:
        self.query_one("#change-outcome", Static).update(
            Text.assemble(text, "\n", ("enter", "bold"), " apply   ", ("esc", "bold"), " cancel")
        )

    def _outcome(self, change: Change) -> str:
        constant = self._schedule == "constant"
        if change.kind == "set_learning_rate":
            now = "unknown" if self._lr is None else f"{self._lr:g}"
            what = f"{now} now, {change.value:g} from the next step on"
            return what if constant else f"{what}; the schedule keeps its shape"
        if self._epochs is None:
            what = f"epoch {self._model.epoch} now; the total is not known"
        else:
            what = f"epoch {self._model.epoch} of {self._epochs:,} now, {self._epochs + int(change.value):,} in total"
        return what if constant else f"{what}; the schedule is stretched to the new end"
