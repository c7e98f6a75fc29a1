"""Puts colours in the place of others when a line goes to the screen."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from rich.color import Color as RichColour
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from tui_vae.charts.description import RGB
from tui_vae.tui.placeholders import PLACEHOLDER


class Recolour(LineFilter):
    """Replaces some colours wherever they are drawn; all others stay.

    Args:
        colours: What stands for which.
    """

    def __init__(self, colours: Mapping[RGB, RichColour]) -> None:
        super().__init__()
        self._colours = dict(colours)
        self._styled = functools.lru_cache(maxsize=2048)(self._style)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        # The colour of a picture's cells is its number.
        return [
            Segment(text, style if style is None or text[:1] == PLACEHOLDER else self._styled(style), control)
            for text, style, control in segments
        ]

    def _style(self, style: Style) -> Style:
        front, back = self._replaced(style.color), self._replaced(style.bgcolor)
        return style if front is back is None else style + Style.from_color(front, back)

    def _replaced(self, colour: RichColour | None) -> RichColour | None:
        if colour is None or colour.triplet is None:
            return None
        red, green, blue = colour.triplet
        return self._colours.get((red, green, blue))
