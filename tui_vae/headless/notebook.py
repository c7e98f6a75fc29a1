"""A training run in a Jupyter notebook: one output, which changes while the run trains."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Sequence

from tui_vae.events import Event
from tui_vae.headless.final_table import kept
from tui_vae.view.numbers import count, duration, nats
from tui_vae.view.state import ModelState, RunState

Update = Callable[[str], None]
"""Replaces the output by HTML."""

_COLUMNS = ("model", "epoch", "images/s", "left", "ELBO train", "held out", "reconstruction", "KL", "active", "state")
_MOST_LINES = 5


def notebook_display() -> Update | None:
    """Make an output of the cell that is running; ``None`` outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import HTML, display  # type: ignore[import-not-found]  # noqa: PLC0415 - a notebook has it

    handle = display(HTML(""), display_id=True)
    return lambda text: handle.update(HTML(text))


class NotebookOutput:
    """A table of the models, and the newest lines of the log below it.

    Args:
        update: Shows it.
    """

    interval = 0.5

    def __init__(self, update: Update) -> None:
        self._update = update

    def report(self, text: str) -> None:
        self._update(f"<pre>{html.escape(text)}…</pre>")

    def begin(self, state: RunState) -> None:
        """Nothing: the state is shown as a whole."""

    def show(self, events: Sequence[Event], state: RunState) -> None:
        if events:
            self._update(_page(state, ""))

    def finish(self, state: RunState, directory: str | None) -> None:
        self._update(_page(state, kept(directory)))

    def leave(self) -> None:
        """What was shown last stays."""


def _page(state: RunState, end: str) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in _COLUMNS)
    rows = "".join(_row(name, model, state) for name, model in state.models.items())
    lines = [f"{line.model}: {line.text}" if line.model else line.text for line in list(state.log)[-_MOST_LINES:]]
    below = html.escape("\n".join([*lines, end]).strip())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><pre>{below}</pre>"


def _row(name: str, model: ModelState, state: RunState) -> str:
    train, held_out = model.last_train, model.last_held_out
    cells = (
        name,
        f"{model.epoch}/{state.epochs_of(model)}",
        count(model.images_per_second),
        duration(model.seconds_left()),
        nats(train.elbo if train else None),
        nats(held_out.elbo if held_out else None),
        nats(held_out.reconstruction if held_out else None),
        nats(held_out.kl if held_out else None),
        count(held_out.active_units if held_out else None),
        model.status or "starting",
    )
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
