"""The base classes of pages, and what they are given to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from textual import events
from textual.containers import Container
from textual.widget import Widget

from tui_vae.charts.metric_series import wanted_models
from tui_vae.run_status import WriterStatus
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.digits import Gallery
from tui_vae.view.machine import MachineReading
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState


@dataclass(frozen=True)
class PageContext:
    """Everything that a page draws from; ``others`` are the runs that this one is compared with."""

    state: RunState
    settings: ChartSettings
    source: RunSource | None
    gallery: Gallery
    sighting: WriterStatus = field(default_factory=lambda: WriterStatus("live"))
    others: tuple[RunState, ...] = ()
    machine: Sequence[MachineReading] = ()
    stalled: Callable[[], bool] = bool
    """Whether the terminal does not read: then nothing is to be drawn."""

    def awaited(self, waiting: str) -> str:
        """Why there is nothing to show: no model is left by the filter, or it is still ``waiting``."""
        globs = self.settings.wanted
        nothing_left = self.state.models and not wanted_models(self.state, globs)
        return f"no model matches {globs}" if nothing_left else waiting


class Page(Container):
    """A full page below the table. Only the visible one is asked to show anything.

    ``has_filter`` says whether it shows the models that the filter leaves; ``drawn_ahead`` whether what is new on it
    can be drawn before it is laid out, for the room that its panels had when it was left.
    """

    has_filter = False
    drawn_ahead = False

    def show(self, shown: PageContext) -> None:
        """Draw what changed."""
        raise NotImplementedError

    def panels(self) -> list[Widget]:
        """The panels that can be focused, in order."""
        return []

    def turn_to(self, panel: Widget) -> None:
        """Bring a panel into view; pages that show all of theirs have nothing to do."""

    def step(self, direction: int) -> None:
        """Go to what comes before or after, on pages that show one of many."""

    def next_view(self) -> None:
        """Show the same in another way, on pages that know several."""

    def play(self) -> None:
        """Play what the page shows one of many as a film, or stop it, on pages that can."""

    def to_edge(self, direction: int) -> None:
        """Go to the first or the last of what is shown, on pages that show one of many."""

    def zoom(self, direction: int) -> None:
        """Look at a smaller part, or a greater one, on pages whose charts can be zoomed."""

    def pan(self, direction: int) -> None:
        """Look further on or back, on pages whose charts can be zoomed."""

    def show_whole(self) -> None:
        """Look at everything again."""

    def turn(self, direction: int) -> None:
        """Go to the panels after or before, on pages with more of them than fit."""

    def undo(self) -> bool:
        """Take back what was done last to look more closely; whether there was anything."""
        return False

    def enlarge(self) -> None:
        """Enlarge the panel at hand, or restore it."""

    def restore(self) -> None:
        """Undo an enlargement, or a choice of what is shown."""


class ArrangedPage(Page):
    """Knows which panel is at hand, and whether it is enlarged.

    Args:
        at_hand: The panel that is at hand at first.
        id: Of the page.
    """

    def __init__(self, at_hand: Widget, *, id: str) -> None:
        super().__init__(id=id)
        self.at_hand = at_hand
        self.enlarged = False

    def place_panels(self) -> None:
        """Show what has room; called whenever that may have changed."""
        raise NotImplementedError

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # By key or by mouse: what has the focus is at hand when there is room for one only.
        if event.widget in self.panels():
            self.at_hand = event.widget

    def on_resize(self) -> None:
        self.place_panels()

    def turn_to(self, panel: Widget) -> None:
        self.at_hand = panel
        self.place_panels()

    def enlarge(self) -> None:
        self.enlarged = not self.enlarged
        self.place_panels()

    def restore(self) -> None:
        self.enlarged = False
        self.place_panels()
