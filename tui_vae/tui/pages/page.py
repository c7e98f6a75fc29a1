"""The base classes of pages, and what they are given to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.containers import Container
from textual.widget import Widget

from tui_vae.charts.metric_series import wanted_models
from tui_vae.run_status import WriterStatus
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.digits import SampleSheets
from tui_vae.view.machine import MachineReading
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState


@dataclass(frozen=True)
class PageContext:
    """Everything that a page draws.

    Attributes:
        state: State of the run that is shown.
        settings: The user's choices for charts.
        source: The run; ``None`` while it is being opened.
        sheets: Reads its samples.
        writer_status: What is known of the process that trains.
        others: The runs that this one is compared with.
        machine: Readings of the machine.
        stalled: Returns whether the terminal does not read, so that nothing should be drawn.
    """

    state: RunState
    settings: ChartSettings
    source: RunSource | None
    sheets: SampleSheets
    writer_status: WriterStatus
    others: tuple[RunState, ...]
    machine: Sequence[MachineReading]
    stalled: Callable[[], bool]

    def empty_message(self, waiting: str) -> str:
        """Return why there is nothing to show: the filter matches no model, or it is still ``waiting``."""
        globs = self.settings.wanted
        nothing_left = self.state.models and not wanted_models(self.state, globs)
        return f"no model matches {globs}" if nothing_left else waiting


class Page(Container):
    """A page below the table of models. Only the visible one is asked to show anything.

    Attributes:
        has_filter: Whether it shows only the models that match the filter.
        renders_before_layout: Whether it can be drawn before it is laid out, at the size that its panels had when it
            was left.
        enlarged: Whether a panel is shown alone.
    """

    has_filter = False
    enlarged = False
    renders_before_layout = False

    def show(self, context: PageContext) -> None:
        """Draw what has changed."""
        raise NotImplementedError

    def panels(self) -> list[Widget]:
        """Return the panels that can be focused, in order."""
        return []

    # What keys do; a page ignores those that it has no use for.

    def turn_to(self, panel: Widget) -> None:
        """Bring a panel into view."""

    def step(self, direction: int) -> None:
        """Go to the next item, or to the one before."""

    def to_edge(self, direction: int) -> None:
        """Go to the first item, or to the last."""

    def next_view(self) -> None:
        """Show the same data in another way."""

    def play(self) -> None:
        """Play all items as a film, or stop it."""

    def zoom(self, direction: int) -> None:
        """Zoom in or out."""

    def pan(self, direction: int) -> None:
        """Pan to the right or left."""

    def show_whole(self) -> None:
        """Zoom out to everything."""

    def turn(self, direction: int) -> None:
        """Go to the panels after or before, where not all fit."""

    def undo(self) -> bool:
        """Undo the last reading or zoom; returns whether there was one."""
        return False

    def enlarge(self) -> None:
        """Enlarge the active panel, or restore it."""

    def restore(self) -> None:
        """Undo an enlargement, or a choice of what is shown."""


class PanelPage(Page):
    """Shows as many of its panels as fit, or one alone when that is enlarged.

    Args:
        active: The panel that is active at first.
        id: Of the page.
    """

    def __init__(self, active: Widget, *, id: str) -> None:
        super().__init__(id=id)
        self.active = active
        self.enlarged = False

    def place_panels(self) -> None:
        """Show the panels that fit; called whenever that may have changed."""
        raise NotImplementedError

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # By key or by mouse: the focused panel is shown where there is room for one only.
        if event.widget in self.panels():
            self.active = event.widget

    def on_resize(self) -> None:
        self.place_panels()

    def turn_to(self, panel: Widget) -> None:
        self.active = panel
        self.place_panels()

    def enlarge(self) -> None:
        self.enlarged = not self.enlarged
        self.place_panels()

    def restore(self) -> None:
        self.enlarged = False
        self.place_panels()
