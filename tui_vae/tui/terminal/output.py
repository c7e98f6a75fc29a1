"""What is written to the terminal: pictures as well as it can draw them, and no more than the line to it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.timer import Timer

from tui_vae.tui.graphics.images import Draw, GraphicsProtocol, TerminalImages, half_block_lines, shade_lines
from tui_vae.tui.graphics.kitty import KittyGraphics
from tui_vae.tui.graphics.sixel import SixelGraphics
from tui_vae.tui.terminal.driver import Suspendable, TerminalDriver, driver_for
from tui_vae.tui.terminal.screen_sender import ScreenSender
from tui_vae.view.terminal_probe import USUAL, Graphics, cell_size

_INPUT = 0
"""File descriptor of the terminal."""

_SECONDS_TO_PAINT = 0.3
"""How long a terminal takes to paint its window after its size or the focus has changed."""

_SECONDS_TO_RETRY = 0.03
"""Time until more is sent of what the line did not take at once."""


class TerminalOutput:
    """Draws pictures and sends frames for an app.

    Args:
        app: The app whose screen is sent.
        graphics: What the terminal can draw, and whether it answers.
        ascii_only: Draw with ASCII alone.

    Attributes:
        images: Pictures drawn by the terminal; ``None`` where it draws none.
        sender: Decides what is sent, and when.
    """

    def __init__(self, app: App[Any], graphics: Graphics, *, ascii_only: bool) -> None:
        self._app = app
        self._typed = graphics.typed
        colours = app.console.color_system
        self._shades = ascii_only or graphics.way == "ascii" or colours not in ("256", "truecolor")
        self.images: TerminalImages | None = None
        # A picture's number is a colour, which must reach the terminal unchanged.
        if not self._shades and colours == "truecolor" and not app.no_color:
            protocol = _protocol(graphics)
            self.images = TerminalImages(protocol) if protocol is not None else None
        self.sender = ScreenSender(app.console, answers=graphics.answers, remote="SSH_CONNECTION" in os.environ)
        self._retry: Timer | None = None
        self._repaint: Timer | None = None

    def driver_class(self, suspendable: Suspendable) -> type[Driver]:
        """Return the class of the driver that writes to this terminal and reads from it."""
        return driver_for(suspendable, self.images, self._typed, self._answered)

    @property
    def draw(self) -> Draw:
        """How to draw pictures now. When it changes, everything drawn before has to be drawn again."""
        if self._shades:
            return shade_lines
        return half_block_lines if self.images is None else self.images.draw()

    @contextmanager
    def without_images(self) -> Iterator[None]:
        """Draw with characters alone, which every program shows."""
        images, self.images = self.images, None
        try:
            yield
        finally:
            self.images = images

    def repaint_soon(self) -> None:
        """Draw everything again when the terminal has painted its window, unless it keeps pictures.

        xterm keeps its sixteen newest pictures and blanks the others.
        """
        if self.images is None or self.images.lasting:
            return
        if self._repaint is not None:
            self._repaint.stop()
        self._repaint = self._app.set_timer(_SECONDS_TO_PAINT, self.repaint)

    def repaint(self) -> None:
        """Send the whole screen again: something else may have written on it."""
        self.sender.forget()
        self._app.refresh()

    def show(self, update: CompositorUpdate, size: Size) -> None:
        """Send as much of an update as the line takes now."""
        self.sender.take(update, size)
        self._send()

    def _send(self) -> None:
        """Send what the line takes now, and the rest as it takes more."""
        app, driver = self._app, self._app._driver
        if not isinstance(driver, TerminalDriver) or not app.is_running:
            return
        frame = self.sender.frame(app.size.clamp_offset(app.cursor_position), blocked=driver.blocked)
        if frame:
            before = driver.written
            app._begin_update()
            driver.write(frame)
            app._end_update()
            driver.flush()
            self.sender.sent(driver.written - before)
        if self._retry is None and self.sender.behind:
            self._retry = app.set_timer(_SECONDS_TO_RETRY, self._send_rest)

    def _send_rest(self) -> None:
        self._retry = None
        self._send()

    def _answered(self) -> None:
        """Go on sending; called in the thread that reads from the terminal."""
        self._app.call_later(self._go_on)

    def _go_on(self) -> None:
        self.sender.answered()
        self._send()


def _protocol(graphics: Graphics) -> GraphicsProtocol | None:
    """Return how the terminal shows pictures, if it does."""
    match graphics.way:
        case "kitty":
            return KittyGraphics()
        case "sixel":
            return SixelGraphics(lambda: cell_size(_INPUT) or graphics.cell or USUAL)
        case _:
            return None
