"""Themes: the interface's own colours, and for each the colours in which models can be seen on them.

Everything is drawn with the colours of :mod:`tui_vae.charts.palette`, which are made for dark backgrounds. A theme with
a light background replaces them by a line filter just before a line is written to the terminal.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from rich.color import Color as RichColour
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.app import App, SystemCommand
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
from tui_vae.view.sanitize import to_ascii


@dataclass(frozen=True)
class MonitorTheme:
    """``colours`` replaces some of the palette's; ``ansi_models`` are the models' colours where there are only 16."""

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
"""Red, green, yellow and so on, readable on a light background."""

MONITOR_THEMES: Mapping[str, MonitorTheme] = {
    "dark": MonitorTheme(
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
    "light": MonitorTheme(
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
    "contrast": MonitorTheme(
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
    "solarized": MonitorTheme(
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
assert tuple(MONITOR_THEMES) == THEMES


class PaletteFilter(LineFilter):
    """Replaces colours wherever they are drawn.

    Args:
        colours: The replacements; other colours stay.
    """

    def __init__(self, colours: Mapping[RGB, RichColour]) -> None:
        super().__init__()
        self._colours = dict(colours)
        self._styled = functools.lru_cache(maxsize=2048)(self._style)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        # The colour of a placeholder is the number of its picture.
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
    """Replaces every character that is not ASCII, also those drawn by Textual's own widgets."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


ASCII = AsciiFilter()
"""The only instance: Textual caches lines by their filters."""


@dataclass(frozen=True)
class Preferences:
    """``theme`` is one of :data:`THEMES`; ``greeted`` means that the hint for new users has been shown."""

    theme: str = THEMES[0]
    greeted: bool = False


class PreferenceStore(Protocol):
    """Stores preferences. No method raises or blocks."""

    def read(self) -> Preferences:
        """Return the stored preferences, or the defaults."""

    def write(self, preferences: Preferences) -> None:
        """Store the preferences, if possible."""


class InMemoryPreferences:
    """Keeps preferences until the process ends.

    Args:
        preferences: Stored at first.
    """

    def __init__(self, preferences: Preferences | None = None) -> None:
        self._preferences = preferences if preferences is not None else Preferences(greeted=True)

    def read(self) -> Preferences:
        return self._preferences

    def write(self, preferences: Preferences) -> None:
        self._preferences = preferences


class ThemeSwitcher:
    """Applies themes to an app, and remembers the user's choice.

    Args:
        app: The app, before it runs.
        store: Where the choice is remembered; ``None`` forgets it at the end.
    """

    def __init__(self, app: App[Any], store: PreferenceStore | None) -> None:
        self._app = app
        self._store = store if store is not None else InMemoryPreferences()
        self._palette: LineFilter | None = None
        self._to_ansi: LineFilter | None = None
        for theme in MONITOR_THEMES.values():
            app.register_theme(theme.theme)
        app.ansi_theme_light = LIGHT_ANSI
        self._apply(self._store.read().theme)

    def _apply(self, name: str) -> None:
        app, theme = self._app, MONITOR_THEMES[name]
        colours = {colour: RichColour.from_rgb(*other) for colour, other in theme.colours.items()}
        self._palette = PaletteFilter(colours) if colours else None
        app.theme = name
        self._to_ansi = None
        if app.console.color_system in ("standard", "windows") and not app.no_color:
            # Left to itself, a terminal with 16 colours shows several as the same.
            ansi = {_rgb(app.ansi_theme.ansi_colors[n]): RichColour.from_ansi(n) for n in range(6, 0, -1)}
            models = [theme.colours.get(colour, colour) for colour in COLOURS]
            ansi |= {model: RichColour.from_ansi(n) for model, n in zip(models, theme.ansi_models, strict=True)}
            self._to_ansi = PaletteFilter(ansi)

    def filters(self, between: Sequence[LineFilter]) -> list[LineFilter]:
        """Return the line filters of the theme, around Textual's, which make greys of colours and names of colours."""
        return [line_filter for line_filter in (self._palette, *between, self._to_ansi) if line_filter is not None]

    def switch(self, name: str) -> None:
        """Apply a theme and remember it."""
        self._apply(name)
        self._store.write(replace(self._store.read(), theme=name))
        self._app.notify(name, title="theme", timeout=2)

    def next(self) -> None:
        """Switch to the theme after this one."""
        names = list(MONITOR_THEMES)
        self.switch(names[(names.index(self._app.theme) + 1) % len(names)])

    def commands(self) -> Iterator[SystemCommand]:
        """Yield a command of the palette for each theme."""
        for name in MONITOR_THEMES:
            yield SystemCommand(f"Theme: {name}", "", partial(self.switch, name))

    def greets(self) -> bool:
        """Return whether to show the hint for new users; true once."""
        preferences = self._store.read()
        if not preferences.greeted:
            self._store.write(replace(preferences, greeted=True))
        return not preferences.greeted


def _rgb(colour: ColorTriplet) -> RGB:
    red, green, blue = colour
    return red, green, blue
