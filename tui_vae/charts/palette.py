"""Colours and markers of models: the same everywhere, distinct to the colour-blind and without any colour.

The colours are those of Okabe & Ito, "Color Universal Design" (2008), in an order that starts with blue and orange.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui_vae.charts.description import RGB
from tui_vae.view.state import RunState

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
"""Marks in front of bars. Not quite a grey: light themes leave the greys of pictures as they are."""

OWN_SHARE: RGB = (205, 210, 220)
REST: RGB = (96, 102, 116)
"""Curves of the machine: the share of the watched process, and that of all others. No model is grey."""

GRID: RGB = (46, 46, 52)
"""Grid lines, faint."""
LIMIT: RGB = (200, 200, 208)
"""The theoretical limit."""

_FADED, _BRIGHT = 0.33, 0.55


def faded(colour: RGB) -> RGB:
    """Return the colour of a band: darker, as backgrounds are dark."""
    red, green, blue = (round(_FADED * channel) for channel in colour)
    return red, green, blue


def bright(colour: RGB) -> RGB:
    """Return a lighter colour that stands out against curves of the colour itself."""
    red, green, blue = (round(channel + _BRIGHT * (255 - channel)) for channel in colour)
    return red, green, blue


_LIGHT_MODELS: tuple[RGB, ...] = (
    (11, 133, 216),
    (149, 92, 42),
    (7, 124, 101),
    (146, 4, 144),
    (136, 133, 0),
    (129, 0, 26),
)
"""As :data:`COLOURS`, darker: found by search for the greatest least distance of two to the eyes of the colour-blind,
with a contrast of 3 to the background and a hue near the original."""


def light_colours(background: RGB) -> dict[RGB, RGB]:
    """Return the replacement of each colour on a light background."""
    colours = dict(zip(COLOURS, _LIGHT_MODELS, strict=True))
    # Bands are paler there, as they are darker on black, and held-out curves are darker.
    pale = {faded(colour): mixed(other, background, 0.28) for colour, other in colours.items()}
    deep = {bright(colour): mixed(other, (0, 0, 0), 0.6) for colour, other in colours.items()}
    greys = {GREY: (105, 108, 118), MARK: (20, 20, 25), OWN_SHARE: (62, 68, 82), REST: (172, 178, 190)}
    lines = {GRID: (224, 225, 228), LIMIT: (70, 74, 84)}
    return pale | deep | colours | greys | lines


def mixed(colour: RGB, background: RGB, share: float) -> RGB:
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(colour, background, strict=True))
    return red, green, blue


BRIGHT_ANSI = (12, 3, 10, 13, 11, 9)
DEEP_ANSI = (4, 3, 2, 5, 6, 1)
"""Colours of models among the 16 of a terminal, on dark backgrounds and on light ones."""


@dataclass(frozen=True)
class ModelStyle:
    """Colour and marker of a model."""

    colour: RGB
    marker: str

    @property
    def style(self) -> str:
        """The colour in hexadecimal, ``#56b4e9``."""
        return hex_colour(self.colour)


def model_style(index: int, *, ascii_only: bool) -> ModelStyle:
    """Return the style of the model at ``index`` of its run; 36 differ in colour or marker."""
    markers = _ASCII_MARKERS if ascii_only else _MARKERS
    # Each round of colours shifts the markers by one, so that no model looks like an earlier one.
    return ModelStyle(COLOURS[index % len(COLOURS)], markers[(index + index // len(COLOURS)) % len(markers)])


def hex_colour(colour: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def styles_of(state: RunState, *, ascii_only: bool) -> dict[str, ModelStyle]:
    return {name: model_style(index, ascii_only=ascii_only) for index, name in enumerate(state.models)}
