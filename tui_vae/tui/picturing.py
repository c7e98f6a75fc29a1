"""An application that draws pictures as well as its terminal can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from textual.app import App

from tui_vae.tui.driver import driver_for
from tui_vae.tui.images import TerminalImages
from tui_vae.tui.kitty import KittyGraphics
from tui_vae.tui.screens.leave import Leave
from tui_vae.tui.widgets.pixels import Draw, half_block_lines, shade_lines
from tui_vae.view.answers import Graphics


class PicturingApp(App[Leave]):
    """Draws pictures by :attr:`draw`, which may change at any time."""

    _images: TerminalImages | None = None
    _shades = False

    def picture(self, graphics: Graphics, *, ascii_only: bool) -> None:
        """Choose how pictures are drawn; to be called before the app runs."""
        colours = self.console.color_system
        self._shades = ascii_only or graphics.way == "ascii" or colours not in ("256", "truecolor")
        # The number of a picture is a colour, which must reach the terminal as it is.
        if graphics.way == "kitty" and not self._shades and colours == "truecolor" and not self.no_color:
            self._images = TerminalImages(KittyGraphics())
        if self._images is not None or graphics.typed or graphics.awaited is not None:
            self.driver_class = driver_for(self._images, graphics)

    @property
    def draw(self) -> Draw:
        """How pictures are drawn now: what was drawn otherwise is to be drawn anew."""
        if self._shades:
            return shade_lines
        return half_block_lines if self._images is None else self._images.draw()

    @contextmanager
    def without_images(self) -> Iterator[None]:
        """Draw with characters alone, which any program shows."""
        images, self._images = self._images, None
        try:
            yield
        finally:
            self._images = images
