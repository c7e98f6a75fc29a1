"""An application that draws pictures as well as its terminal can, and as much as the line to it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from textual import events
from textual._compositor import CompositorUpdate
from textual.screen import Screen
from textual.timer import Timer

from tui_vae.tui.graphics.images import Draw, GraphicsProtocol, TerminalImages, half_block_lines, shade_lines
from tui_vae.tui.graphics.kitty import KittyGraphics
from tui_vae.tui.graphics.sixel import SixelGraphics
from tui_vae.tui.terminal.driver import TerminalDriver, driver_for
from tui_vae.tui.terminal.screen_sender import ScreenSender
from tui_vae.tui.terminal.suspending import SuspendableApp
from tui_vae.view.cell_size import USUAL, cell_size
from tui_vae.view.terminal_probe import Graphics

_INPUT = 0
"""The terminal's descriptor."""

_SECONDS_TO_PAINT = 0.3
"""That a terminal takes, after its size or the focus has changed, until all of its window is as it will stay."""

_SECONDS_TO_RETRY = 0.03
"""Until more is sent of what the line did not take at once."""


class PicturingApp(SuspendableApp):
    """Draws pictures by :attr:`draw`, which may change at any time."""

    _images: TerminalImages | None = None
    _shades = False
    _again: Timer | None = None
    _rest: Timer | None = None

    def picture(self, graphics: Graphics, *, ascii_only: bool) -> None:
        """Choose how pictures are drawn; to be called before the app runs."""
        colours = self.console.color_system
        self._shades = ascii_only or graphics.way == "ascii" or colours not in ("256", "truecolor")
        # The number of a picture is a colour, which must reach the terminal as it is.
        if not self._shades and colours == "truecolor" and not self.no_color:
            protocol = _protocol(graphics)
            self._images = TerminalImages(protocol) if protocol is not None else None
        self.driver_class = driver_for(self, self._images, graphics.typed)
        self.sender = ScreenSender(self.console, answers=graphics.answers, remote="SSH_CONNECTION" in os.environ)

    @property
    def draw(self) -> Draw:
        """How pictures are drawn now: what was drawn otherwise is to be drawn anew."""
        if self._shades:
            return shade_lines
        return half_block_lines if self._images is None else self._images.draw()

    def on_resize(self, event: events.Resize) -> None:
        self._show_again()  # also with as many cells as before: of another font they have other pixels

    def on_app_focus(self) -> None:
        self._show_again()

    def _show_again(self) -> None:
        """Draw everything once more where the terminal may not have kept it, when it has painted its window itself.

        An xterm knows the sixteen newest of the pictures it drew, and blanks for the others.
        """
        if self._images is None or self._images.lasting:
            return
        if self._again is not None:
            self._again.stop()
        self._again = self.set_timer(_SECONDS_TO_PAINT, self.action_send_all)

    @contextmanager
    def without_images(self) -> Iterator[None]:
        """Draw with characters alone, which any program shows."""
        images, self._images = self._images, None
        try:
            yield
        finally:
            self._images = images

    # What is sent to the terminal.

    def _display(self, screen: Screen[object], renderable: RenderableType | CompositorUpdate | None) -> None:
        """As the library's, which sends all that was drawn: changed or not, and however thin the line is."""
        if not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
        elif self.is_headless:
            self.post_display_hook()
        elif not self._batch_count:
            self.sender.take(renderable, self.size)
            self._send()
            self.post_display_hook()

    def _send(self) -> None:
        """Send what the line takes now, and the rest as it takes more."""
        driver = self._driver
        if not isinstance(driver, TerminalDriver) or not self.is_running:
            return
        cursor = self.size.clamp_offset(self.cursor_position)
        frame = self.sender.frame(cursor, blocked=driver.blocked)
        if frame:
            before = driver.written
            self._begin_update()
            driver.write(frame)
            self._end_update()
            driver.flush()
            self.sender.sent(driver.written - before)
        if self._rest is None and self.sender.behind:
            self._rest = self.set_timer(_SECONDS_TO_RETRY, self._send_rest)

    def _send_rest(self) -> None:
        self._rest = None
        self._send()

    def answered(self) -> None:
        self.call_later(self._go_on_sending)

    def _go_on_sending(self) -> None:
        self.sender.answered()
        self._send()

    def action_send_all(self) -> None:
        """Send the whole screen again: something else may have written on it."""
        self.sender.forget()
        self.refresh()


def _protocol(graphics: Graphics) -> GraphicsProtocol | None:
    """How the terminal shows pictures, if it does."""
    match graphics.way:
        case "kitty":
            return KittyGraphics()
        case "sixel":
            return SixelGraphics(lambda: cell_size(_INPUT) or graphics.cell or USUAL)
        case _:
            return None
