"""Colours and markers of models: the same everywhere, told apart by colour-blind eyes and without any colour.

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
"""Of marks before bars. Not quite a grey: those of pictures stay as they are on every background."""

OWN_SHARE: RGB = (205, 210, 220)
REST: RGB = (96, 102, 116)
"""Of curves of the machine: the share of the process watched, and that of all others. No model has a grey."""

GRID: RGB = (46, 46, 52)
"""Of the lines at round values, which are to be seen only by whoever looks for them."""
LIMIT: RGB = (200, 200, 208)
"""Of what theory says can be reached."""

_FADED, _BRIGHT = 0.33, 0.55


def faded(colour: RGB) -> RGB:
    """The colour of what stands in the background: darker, as backgrounds are dark."""
    red, green, blue = (round(_FADED * channel) for channel in colour)
    return red, green, blue


def bright(colour: RGB) -> RGB:
    """The colour of what stands out before curves of the colour itself."""
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
    """What stands for each colour on a light background."""
    colours = dict(zip(COLOURS, _LIGHT_MODELS, strict=True))
    # What stands in the background is paler there, as it is darker on black, and what stands out is darker.
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
"""Of the 16 colours of a terminal those of models, on dark backgrounds and on light ones."""


@dataclass(frozen=True)
class ModelStyle:
    """How one model is drawn."""

    colour: RGB
    marker: str

    @property
    def style(self) -> str:
        """Its colour as front ends write it, ``#56b4e9``."""
        return hex_colour(self.colour)


def model_style(index: int, *, ascii_only: bool) -> ModelStyle:
    """The style of the model at ``index`` in the run's order; 36 differ in colour or marker."""
    markers = _ASCII_MARKERS if ascii_only else _MARKERS
    # Where the colours begin anew, markers are shifted by one, so that no model looks like an earlier one.
    return ModelStyle(COLOURS[index % len(COLOURS)], markers[(index + index // len(COLOURS)) % len(markers)])


def hex_colour(colour: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def styles_of(state: RunState, *, ascii_only: bool) -> dict[str, ModelStyle]:
    return {name: model_style(index, ascii_only=ascii_only) for index, name in enumerate(state.models)}
