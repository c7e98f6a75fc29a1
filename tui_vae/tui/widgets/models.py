"""The table of models: as many columns as the width allows; only changed cells are updated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import DataTable

from tui_vae.charts.metric_series import FREE, KL_WEIGHT
from tui_vae.charts.palette import ModelStyle, styles_of
from tui_vae.view.numbers import UNKNOWN, count, duration, nats, out_of, short_count
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState

_LONGEST_SEED = 6


def model_label(name: str, style: ModelStyle, width: int) -> Text:
    """Return marker and name in at most ``width`` cells. A shortened name keeps its seed, which tells runs apart."""
    text = Text(f"{style.marker} {printable(name)}", style=style.style, no_wrap=True)
    base, at, seed = printable(name).rpartition("@")
    if text.cell_len > width and base and cell_len(seed) <= _LONGEST_SEED < width:
        text = Text(f"{style.marker} {base}", style=style.style, no_wrap=True)
        text.truncate(width - cell_len(at + seed), overflow="ellipsis")
        return text.append(at + seed)
    text.truncate(width, overflow="ellipsis")
    return text


_STATES = {
    "running": "▶ running",
    "paused": "⏸ paused",
    "stopped": "■ stopped",
    "finished": "✓ finished",
    "failed": "✗ failed",
}
_KILLED = {"state": "✗ killed", "img/s": UNKNOWN, "left": UNKNOWN}
"""For a model that had not ended when its process was killed."""

_NAME_WIDTH = 12


@dataclass(frozen=True)
class Column:
    """A column: its cell, its width, and its priority when space is short (the highest is dropped first)."""

    key: str
    width: int
    give_up: int
    cell: Callable[[ModelState, RunState], str]


def _parameters(part: str) -> Callable[[ModelState, RunState], str]:
    return lambda m, s: count(getattr(m.parameters, part) if m.parameters else None)


def _held_out(field: str) -> Callable[[ModelState, RunState], str]:
    return lambda m, s: nats(getattr(m.last_held_out, field) if m.last_held_out else None)


def _active(m: ModelState, s: RunState) -> str:
    epoch = m.last_held_out
    if epoch is None or epoch.active_units is None:
        return UNKNOWN
    return (
        f"{epoch.active_units}/{len(epoch.kl_per_latent)}"
        if epoch.kl_per_latent is not None
        else str(epoch.active_units)
    )


def _free(m: ModelState, s: RunState) -> str:
    epoch = m.last_held_out
    return UNKNOWN if epoch is None or epoch.free_latents is None else str(epoch.free_latents)


def _state(m: ModelState, s: RunState) -> str:
    return _STATES[m.status] if m.status else "… starting"


COLUMNS = (
    Column("encoder", 11, 7, _parameters("encoder")),
    Column("decoder", 11, 7, _parameters("decoder")),
    Column("params", 7, 4, lambda m, s: short_count(m.parameters.total if m.parameters else None)),
    Column("epoch", 8, 0, lambda m, s: out_of(m.epoch, s.epochs_of(m))),
    Column("img/s", 9, 5, lambda m, s: count(m.images_per_second) if m.status == "running" else UNKNOWN),
    Column("left", 8, 8, lambda m, s: duration(m.seconds_left())),
    Column("ELBO train", 11, 9, lambda m, s: nats(m.last_train.elbo if m.last_train else None)),
    Column("held out", 9, 0, _held_out("elbo")),
    Column("recon", 8, 3, _held_out("reconstruction")),
    Column("KL", 6, 2, _held_out("kl")),
    Column("weight", 7, 2, lambda m, s: UNKNOWN if m.kl_weight is None else f"×{m.kl_weight:.3g}"),
    Column("active", 7, 3, _active),
    Column("free", 6, 3, _free),
    Column("to limit", 9, 4, lambda m, s: nats(m.to_limit)),
    Column("state", 11, 1, _state),
)


_OF_OPTIONS = {"weight": KL_WEIGHT, "free": FREE}
"""Columns of options that few runs have, and how it is known that a run has them."""


def chosen_columns(width: int, state: RunState | None = None) -> tuple[Column, ...]:
    """Return the columns of a run that fit next to the name, without the least important."""
    absent = {key for key, of in _OF_OPTIONS.items() if state is None or not of.known(state)}
    columns = tuple(column for column in COLUMNS if column.key not in absent)
    for level in range(9, -1, -1):
        if _NAME_WIDTH + sum(column.width for column in columns) <= width:
            break
        columns = tuple(column for column in columns if column.give_up < level or column.give_up == 0)
    # Encoder and decoder already give the total.
    if any(column.key == "encoder" for column in columns):
        columns = tuple(column for column in columns if column.key != "params")
    return columns


class ModelTable(DataTable[Text], inherit_bindings=False):
    """One row for each model; actions apply to the model under the cursor."""

    BINDINGS: ClassVar = [("up", "cursor_up", "Previous model"), ("down", "cursor_down", "Next model")]

    def __init__(self) -> None:
        super().__init__(
            cursor_type="row", cursor_foreground_priority="renderable", zebra_stripes=False, cell_padding=0, id="models"
        )
        self._run_state = RunState()
        self._ascii = self._killed = False
        self._shown: dict[tuple[str, str], str] = {}
        self._columns: tuple[Column, ...] = ()
        self._indent = " "

    @property
    def selected(self) -> str | None:
        """The model under the cursor."""
        names = list(self._run_state.models)
        return names[min(self.cursor_row, len(names) - 1)] if names else None

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()

    def show(self, state: RunState, *, ascii_only: bool, killed: bool) -> None:
        """Update the cells that differ; ``killed`` means that the training process is gone."""
        new_models = state.models.keys() != self._run_state.models.keys()
        self._run_state, self._ascii, self._killed = state, ascii_only, killed
        if new_models:
            self._columns = ()
            self._arrange()
        self._fill()

    def _arrange(self) -> None:
        columns = chosen_columns(self.size.width, self._run_state)
        spare = self.size.width - _NAME_WIDTH - sum(column.width for column in columns)
        indent = " " * (1 + min(2, max(0, spare)))
        if (columns, indent) == (self._columns, self._indent) or not self._run_state.models:
            return
        row = self.cursor_row
        self.clear(columns=True)
        self._shown.clear()
        self._columns, self._indent = columns, indent
        self.add_column(Text("model"), key="model", width=_NAME_WIDTH)
        for column in columns:
            if column.key == "state":
                self.add_column(Text(f"{self._indent}state"), key="state", width=column.width + len(self._indent) - 1)
            else:
                self.add_column(Text(column.key, justify="right"), key=column.key, width=column.width)
        styles = styles_of(self._run_state, ascii_only=self._ascii)
        for name in self._run_state.models:
            self.add_row(model_label(name, styles[name], _NAME_WIDTH), *(Text() for _ in columns), key=name)
        self.move_cursor(row=row)
        self._fill()

    def _fill(self) -> None:
        for name, model in self._run_state.models.items():
            for column in self._columns:
                value = column.cell(model, self._run_state)
                if self._killed and not model.ended:
                    value = _KILLED.get(column.key, value)
                if self._shown.get((name, column.key)) != value:
                    self._shown[name, column.key] = value
                    self.update_cell(name, column.key, self._cell(column, value, model))

    def _cell(self, column: Column, value: str, model: ModelState) -> Text:
        if column.key == "state":
            status = "failed" if value == _KILLED["state"] else model.status or ""
            style = {"failed": "bold red", "paused": "yellow", "running": "green"}.get(status, "dim")
            return Text(
                f"{self._indent}{value if not self._ascii else value.lstrip('▶⏸■✓✗… ')}", style=style, no_wrap=True
            )
        text = value.replace("–", "-") if self._ascii else value
        return Text(text, justify="right", style="bold" if column.key == "held out" else "", no_wrap=True)
