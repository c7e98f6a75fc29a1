"""Colours and markers of models: the same everywhere, told apart by colour-blind eyes and without any colour.

The colours are those of Okabe & Ito, "Color Universal Design" (2008), in an order that starts with blue and orange.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style

RGB = tuple[int, int, int]

COLOURS: tuple[RGB, ...] = (
    (86, 180, 233),
    (240, 160, 40),
    (0, 178, 130),
    (220, 130, 180),
    (240, 228, 66),
    (213, 94, 40),
)
_MARKERS = ("●", "▲", "■", "◆", "✚", "★")
_ASCII_MARKERS = ("o", "^", "#", "%", "+", "*")

GREY: RGB = (140, 140, 150)
MARK: RGB = (246, 245, 240)
"""Of marks before bars. Not quite a grey: those of pictures stay as they are on every background."""

OWN_SHARE: RGB = (205, 210, 220)
REST: RGB = (96, 102, 116)
"""Of curves of the machine: the share of the process watched, and that of all others. No model has a grey."""

FADED = 0.4


def faded(colour: RGB) -> RGB:
    red, green, blue = (round(FADED * channel) for channel in colour)
    return red, green, blue


@dataclass(frozen=True)
class ModelStyle:
    """How one model is drawn."""

    colour: RGB
    marker: str

    @property
    def style(self) -> Style:
        return Style.parse(hex_colour(self.colour))

    @property
    def faded(self) -> RGB:
        """Its colour for what stands in the background."""
        return faded(self.colour)


def model_style(index: int, *, ascii_only: bool) -> ModelStyle:
    """The style of the model at ``index`` in the run's order; 36 differ in colour or marker."""
    markers = _ASCII_MARKERS if ascii_only else _MARKERS
    # Where the colours begin anew, markers are shifted by one, so that no model looks like an earlier one.
    return ModelStyle(COLOURS[index % len(COLOURS)], markers[(index + index // len(COLOURS)) % len(markers)])


def hex_colour(colour: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
