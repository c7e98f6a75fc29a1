"""Keeps to ASCII whatever is drawn, where the terminal has no more."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui_vae.view.ascii import to_ascii


class AsciiFilter(LineFilter):
    """Replaces whatever is not ASCII in all that is drawn, also by widgets of the library."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


ASCII = AsciiFilter()
"""The one instance: the library keeps what a filter gave for a line."""
