"""Text in place of a page while the run is being loaded, and above it when the run has ended."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.text import Text
from textual.widgets import Static

from tui_vae.charts.palette import styles_of
from tui_vae.run_status import WriterStatus
from tui_vae.tui.keys import key_of, key_of_page
from tui_vae.tui.pages.evaluation.report import evaluated
from tui_vae.tui.widgets.models import model_label
from tui_vae.view.numbers import duration
from tui_vae.view.run_diff import network_of
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState
from tui_vae.view.status_text import in_lines, outcome

_MOST_ROWS = 9
"""Most models that the table above shows."""

ENOUGH_LINES = 20
"""Height of a terminal from which two lines show how a run ended."""


class LoadingMessage(Static):
    """What is being loaded, for how long, and what will be trained."""

    def __init__(self) -> None:
        super().__init__(id="loading")
        self.display = False

    def show(self, state: RunState, waiting: str | None, seconds: float, *, ascii_only: bool) -> None:
        """Show it while something is being loaded; hide it otherwise."""
        self.display = waiting is not None and state.started_at is None
        if not self.display:
            return
        first = Text.assemble((f"{waiting}…", "bold"), ("  " + duration(seconds), "dim"))
        styles = styles_of(state, ascii_only=ascii_only)
        layers = {spec["name"]: network_of(spec) or _layers(spec.get("hidden")) for spec in _specs(state)}
        labels = {name: model_label(name, styles[name], 16) for name in state.models}
        widest = max((label.cell_len for label in labels.values()), default=0)
        for name, label in labels.items():
            label.pad_right(widest + 2 - label.cell_len)
            label.append(printable(layers.get(name, "")), style="dim")
        lines = [first, Text(), *labels.values(), Text(), Text(_plan(state), style="dim")]
        room = self.app.size.height - 3 - min(_MOST_ROWS, len(labels))
        self.update(Group(*lines[: max(1, room)]))


class OutcomeLines(Static):
    """How the run ended, and what can be done now."""

    def __init__(self) -> None:
        super().__init__(id="outcome")
        self.display = False
        self._lines: list[str] = []

    def show(self, state: RunState, directory: str | None, writer_status: WriterStatus, *, room: bool) -> None:
        """Show it where there is ``room`` next to an alert."""
        width = self.app.size.width - 2
        said = outcome(state, directory, width, writer_status) if room else []
        if said and not state.own_loop:
            more = f"{key_of_page('evaluation')} shows the evaluation"
            said.insert(max(1, len(said) - 1), more if evaluated(state) else f"{key_of('evaluate')} evaluates")
        lines = in_lines([printable(part) for part in said], width, 2 if self.app.size.height >= ENOUGH_LINES else 1)
        self.set_class(state.status == "finished", "-finished")
        if lines != self._lines:
            self._lines = lines
            self.display = bool(lines)
            self.styles.height = len(lines)
            self.update(Text("\n".join(f" {line}" for line in lines), no_wrap=True))


def _specs(state: RunState) -> list[dict[str, Any]]:
    specs = state.config.get("models")
    return [spec for spec in specs if isinstance(spec, dict) and "name" in spec] if isinstance(specs, list) else []


def _layers(hidden: object) -> str:
    if not isinstance(hidden, (list, tuple)):
        return ""
    return f"hidden widths {', '.join(str(width) for width in hidden)}" if hidden else "linear"


def _plan(state: RunState) -> str:
    config = state.config
    epochs, latents = ("" if config.get(name) == 1 else "s" for name in ("epochs", "zdim"))
    named = [
        ("epochs", f"{{}} epoch{epochs}"),
        ("dataset", "of {}"),
        ("zdim", f"· {{}} latent{latents}"),
        ("sigma", "· sigma {}"),
    ]
    return " ".join(text.format(printable(str(config[key]))) for key, text in named if config.get(key) is not None)
