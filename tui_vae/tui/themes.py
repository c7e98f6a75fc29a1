"""The looks of the interface: its own colours, and for each the colours in which models can be seen on them.

Everything is drawn with the colours of :mod:`tui_vae.charts.palette`, which are made for dark backgrounds. A look with
a light one puts others in their place when a line goes to the screen, see :mod:`tui_vae.tui.recolour`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

from tui_vae.charts.description import RGB
from tui_vae.charts.palette import COLOURS, GREY, GRID, LIMIT, MARK, OWN_SHARE, REST, bright, faded
from tui_vae.config.display import THEMES

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


@dataclass(frozen=True)
class Look:
    """``colours`` replaces some of the palette's; ``ansi_models`` are the colours of models where there are 16."""

    theme: Theme
    ansi_models: tuple[int, ...]
    colours: Mapping[RGB, RGB] = field(default_factory=dict)


def _light_colours(background: RGB) -> dict[RGB, RGB]:
    colours = dict(zip(COLOURS, _LIGHT_MODELS, strict=True))
    # What stands in the background is paler there, as it is darker on black, and what stands out is darker.
    pale = {faded(colour): _mixed(other, background, 0.28) for colour, other in colours.items()}
    deep = {bright(colour): _mixed(other, (0, 0, 0), 0.6) for colour, other in colours.items()}
    greys = {GREY: (105, 108, 118), MARK: (20, 20, 25), OWN_SHARE: (62, 68, 82), REST: (172, 178, 190)}
    lines = {GRID: (224, 225, 228), LIMIT: (70, 74, 84)}
    return pale | deep | colours | greys | lines


def _mixed(colour: RGB, background: RGB, share: float) -> RGB:
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(colour, background, strict=True))
    return red, green, blue


def _solarized_colours(background: RGB) -> dict[RGB, RGB]:
    orange = (228, 108, 54)
    models = {colour: colour for colour in COLOURS} | {COLOURS[5]: orange}
    bands = {faded(colour): _mixed(other, background, 0.3) for colour, other in models.items()}
    greys = {GREY: (147, 161, 161), REST: (74, 112, 122), OWN_SHARE: (225, 230, 220)}
    lines = {GRID: (22, 64, 74), LIMIT: (214, 220, 212)}
    return bands | {COLOURS[5]: orange, bright(COLOURS[5]): bright(orange)} | greys | lines


_BRIGHT_ANSI = (12, 3, 10, 13, 11, 9)
_DEEP_ANSI = (4, 3, 2, 5, 6, 1)

LIGHT_ANSI = TerminalTheme(
    (247, 247, 245),
    (0, 0, 0),
    [
        (0, 0, 0), (178, 24, 43), (30, 110, 30), (138, 92, 0),
        (30, 80, 180), (122, 40, 150), (0, 105, 130), (90, 94, 104),
    ],
)  # fmt: skip
"""Red, green, yellow and the others as they can be read on a light background."""

LOOKS: Mapping[str, Look] = {
    "dark": Look(
        Theme(
            name="dark",
            primary="#0178D4",
            secondary="#004578",
            accent="#ffa62b",
            warning="#ffa62b",
            error="#ba3c5b",
            success="#4EBF71",
            foreground="#e0e0e0",
            background="#121212",
            surface="#1e1e1e",
            variables={"row": "#262626", "row-focused": "#15324a"},
        ),
        _BRIGHT_ANSI,
    ),
    "light": Look(
        Theme(
            name="light",
            primary="#0a66b0",
            secondary="#3d5a80",
            accent="#b35900",
            warning="#9a5b00",
            error="#b3173a",
            success="#1e6e1e",
            foreground="#1b1f24",
            background="#f7f7f5",
            surface="#ecedef",
            panel="#dde2ea",
            dark=False,
            variables={"row": "#e2e5e9", "row-focused": "#dbe7f3"},
        ),
        _DEEP_ANSI,
        _light_colours((247, 247, 245)),
    ),
    "contrast": Look(
        Theme(
            name="contrast",
            primary="#5fafff",
            secondary="#87d7ff",
            accent="#ffff00",
            warning="#ffd700",
            error="#ff5f5f",
            success="#5fff87",
            foreground="#ffffff",
            background="#000000",
            surface="#0c0c0c",
            panel="#262626",
            text_alpha=1.0,
            variables={"row": "#262626", "row-focused": "#00325a"},
        ),
        _BRIGHT_ANSI,
        {
            GREY: (190, 190, 198),
            GRID: (58, 58, 64),
            LIMIT: (255, 255, 255),
            REST: (120, 126, 140),
            OWN_SHARE: (255, 255, 255),
        },
    ),
    "solarized": Look(
        Theme(
            name="solarized",
            primary="#268bd2",
            secondary="#2aa198",
            accent="#d9a800",
            warning="#cb8b16",
            error="#dc5a57",
            success="#9ab000",
            foreground="#d5dcd8",
            background="#002b36",
            surface="#073642",
            panel="#0d4452",
            variables={"row": "#0a3a47", "row-focused": "#0d405f"},
        ),
        _BRIGHT_ANSI,
        _solarized_colours((0, 43, 54)),
    ),
}
assert tuple(LOOKS) == THEMES
