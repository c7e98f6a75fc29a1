"""The keys that choose how things are shown: axes, smoothing, the part of x that is looked at, and which models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.app import App

from tui_vae.tui.pages.page import Page
from tui_vae.tui.screens.dialogs import Leave
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.filter_line import FilterLine


class ViewingApp(App[Leave]):
    """An app with a page at hand, whose charts follow ``settings``; what it shows, a subclass knows."""

    settings: ChartSettings

    @property
    def page(self) -> Page:
        """The page at hand."""
        raise NotImplementedError

    def update_view(self) -> None:
        """Show the state as it is, where it differs from what is on screen."""
        raise NotImplementedError

    def _change(self, settings: ChartSettings) -> None:
        self.settings = settings
        self.update_view()

    def _on_page(self, act: Callable[[Page], object]) -> None:
        # A page that was turned to a moment ago has no size yet, and does not know what there is.
        self.call_after_refresh(self._act, act)

    def _act(self, act: Callable[[Page], object]) -> None:
        self.update_view()
        act(self.page)
        self.update_view()

    def action_log_axis(self) -> None:
        self._change(replace(self.settings, log_y=not self.settings.log_y))

    def action_x_axis(self) -> None:
        self._change(self.settings.on_next_x_axis())

    def action_smooth(self, direction: int) -> None:
        self._change(self.settings.smoother(direction))

    def action_order(self) -> None:
        self._change(replace(self.settings, by_index=not self.settings.by_index))

    def action_next_view(self) -> None:
        self.page.next_view()
        self.call_after_refresh(self.update_view)

    def action_film(self) -> None:
        self._on_page(lambda page: page.play())

    def action_step(self, count: int) -> None:
        self._on_page(lambda page: page.step(count))

    def action_edge(self, direction: int) -> None:
        self._on_page(lambda page: page.to_edge(direction))

    def action_zoom(self, direction: int) -> None:
        self._on_page(lambda page: page.zoom(direction))

    def action_pan(self, direction: int) -> None:
        self._on_page(lambda page: page.pan(direction))

    def action_whole(self) -> None:
        self._on_page(lambda page: page.show_whole())

    def action_turn(self, direction: int) -> None:
        self._on_page(lambda page: page.turn(direction))

    def action_enlarge(self) -> None:
        self.page.enlarge()
        self.call_after_refresh(self.update_view)

    def action_restore(self) -> None:
        """Take back one thing: a cursor or a zoom, then the filter, then what else the page knows."""
        if not self.page.undo():
            if self.page.has_filter and self.settings.wanted:
                self.settings = replace(self.settings, wanted="")
            else:
                self.page.restore()
        self.call_after_refresh(self.update_view)

    def action_filter(self) -> None:
        if self.page.has_filter:
            self.query_one(FilterLine).open(self.settings.wanted)
        else:
            self.notify("models are filtered on the pages 1, 2 and 3", timeout=2)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        self._change(replace(self.settings, wanted=event.globs))
