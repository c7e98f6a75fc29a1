"""The looks of the interface: its own colours, and for each the colours in which models can be seen on them.

Everything is drawn with the colours of :mod:`tui_vae.charts.palette`, which are made for dark backgrounds. A look with
a light one puts others in their place when a line goes to the screen, see :mod:`tui_vae.tui.palette_filter`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

from tui_vae.charts.description import RGB
from tui_vae.charts.palette import (
    BRIGHT_ANSI,
    COLOURS,
    DEEP_ANSI,
    GREY,
    GRID,
    LIMIT,
    OWN_SHARE,
    REST,
    bright,
    faded,
    light_colours,
    mixed,
)
from tui_vae.config.display import THEMES


@dataclass(frozen=True)
class Look:
    """``colours`` replaces some of the palette's; ``ansi_models`` are the colours of models where there are 16."""

    theme: Theme
    ansi_models: tuple[int, ...]
    colours: Mapping[RGB, RGB] = field(default_factory=dict)


def _solarized_colours(background: RGB) -> dict[RGB, RGB]:
    orange = (228, 108, 54)
    models = {colour: colour for colour in COLOURS} | {COLOURS[5]: orange}
    bands = {faded(colour): mixed(other, background, 0.3) for colour, other in models.items()}
    greys = {GREY: (147, 161, 161), REST: (74, 112, 122), OWN_SHARE: (225, 230, 220)}
    lines = {GRID: (22, 64, 74), LIMIT: (214, 220, 212)}
    return bands | {COLOURS[5]: orange, bright(COLOURS[5]): bright(orange)} | greys | lines


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
        BRIGHT_ANSI,
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
        DEEP_ANSI,
        light_colours((247, 247, 245)),
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
        BRIGHT_ANSI,
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
        BRIGHT_ANSI,
        _solarized_colours((0, 43, 54)),
    ),
}
assert tuple(LOOKS) == THEMES
