"""The interface under test, as a person uses and sees it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.recorded_run import ScriptedSource
from tests.tui.sparing import updates
from tui_vae.events import Event
from tui_vae.tui import Leave, MonitorApp
from tui_vae.tui.widgets.models import ModelTable

PATIENCE = 8.0
"""Seconds after which a state that does not come is given up; no test waits for it when all is well."""

OpenMonitor = Callable[..., AbstractAsyncContextManager["Monitor"]]


class Monitor:
    """The app under test, its source, and what a person would do with and see of it."""

    def __init__(self, app: MonitorApp, pilot: Pilot[Leave], source: ScriptedSource) -> None:
        self.app = app
        self.pilot = pilot
        self.source = source

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is drawn again, or the same: a page that was turned to is laid out in several passes."""
        before = None
        for _ in range(50):
            drawn = updates()
            await self.pilot.pause(0.02)
            if updates() == drawn or (now := self.text) == before:
                return
            before = now

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()

    async def feed(self, *events: Event) -> None:
        """Let the source have events, and wait until they are shown."""
        self.source.feed(*events)
        await self.until(lambda: self.source.drained)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object]) -> None:
        waited = 0.0
        while not condition():
            if waited > PATIENCE:
                pytest.fail(f"waited in vain; the screen:\n{self.text}")
            await self.pilot.pause(0.02)
            waited += 0.02

    async def until_shown(self, text: str) -> None:
        await self.until(lambda: text in self.text)

    @property
    def strips(self) -> list[Strip]:
        """The cells of the screen, with a dialog above what lies below it."""
        visible_screen_stack.set(self.app._background_screens)
        return self.app.screen._compositor.render_strips()

    @property
    def lines(self) -> list[str]:
        return [strip.text for strip in self.strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def panel(self, selector: str) -> str:
        """The part of the screen that a widget covers, with its frame; nothing when it is not shown."""
        region = self.app.screen.query_one(selector).region
        rows = self.lines[region.y : region.y + region.height]
        return "\n".join(row[region.x : region.x + region.width] for row in rows)

    def shows(self, selector: str) -> bool:
        """Whether a widget is there and displayed; a page is made when it is first turned to."""
        widgets = [widget for found in self.app.query(selector) for widget in (found, *found.ancestors)]
        return bool(widgets) and all(widget.display for widget in widgets if hasattr(widget, "display"))

    @property
    def selected(self) -> str | None:
        return self.app.query_one(ModelTable).selected

    @property
    def focused(self) -> str | None:
        return self.app.focused.id if self.app.focused is not None else None
