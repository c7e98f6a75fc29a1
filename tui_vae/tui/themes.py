"""Themes: the interface's own colours, and for each the colours in which models can be seen on them.

Everything is drawn with the colours of :mod:`tui_vae.charts.palette`, which are made for dark backgrounds. A theme with
a light background replaces them by a line filter just before a line is written to the terminal.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rich.color import Color as RichColour
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.filter import LineFilter
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
from tui_vae.tui.graphics.kitty import PLACEHOLDER
from tui_vae.view.ascii import to_ascii


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


class AsciiFilter(LineFilter):
    """Replaces whatever is not ASCII in all that is drawn, also by widgets of the library."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


ASCII = AsciiFilter()
"""The one instance: the library keeps what a filter gave for a line."""


@dataclass(frozen=True)
class Preferences:
    """``theme`` is one of :data:`THEMES`; ``greeted`` says that the first hint has been shown."""

    theme: str = THEMES[0]
    greeted: bool = False


class PreferenceStore(Protocol):
    """Where preferences are kept. Nothing here raises or waits."""

    def read(self) -> Preferences:
        """What is remembered, or the defaults."""

    def write(self, preferences: Preferences) -> None:
        """Remember, as far as that can be done."""


class InMemoryPreferences:
    """Remembers as long as the process lives.

    Args:
        preferences: What is remembered at first.
    """

    def __init__(self, preferences: Preferences | None = None) -> None:
        self._preferences = preferences if preferences is not None else Preferences(greeted=True)

    def read(self) -> Preferences:
        return self._preferences

    def write(self, preferences: Preferences) -> None:
        self._preferences = preferences
