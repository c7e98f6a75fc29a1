"""An application in one of the looks of the program, which it remembers, and that greets newcomers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.color import Color
from rich.color_triplet import ColorTriplet
from textual import events
from textual.app import App, SystemCommand
from textual.filter import LineFilter

from tui_vae.charts.description import RGB
from tui_vae.charts.palette import COLOURS
from tui_vae.tui.screens.dialogs import Leave
from tui_vae.tui.themes import LIGHT_ANSI, LOOKS, InMemoryPreferences, Preferences, PreferenceStore, Recolour
from tui_vae.tui.widgets.status_bar import KeyHints


class DressedApp(App[Leave]):
    """Wears a look from :meth:`apply_theme` on."""

    _greeting = False
    _recolour: LineFilter | None = None
    _to_ansi: LineFilter | None = None

    def apply_theme(self, store: PreferenceStore | None) -> None:
        """Take the look that is remembered; to be called before the app runs.

        Args:
            store: Where the look is remembered; nowhere when ``None``.
        """
        self._store = store if store is not None else InMemoryPreferences()
        for look in LOOKS.values():
            self.register_theme(look.theme)
        self.ansi_theme_light = LIGHT_ANSI
        self._wear(self.preferences.theme)

    @property
    def preferences(self) -> Preferences:
        return self._store.read()

    def remember(self, preferences: Preferences) -> None:
        self._store.write(preferences)

    def _wear(self, name: str) -> None:
        look = LOOKS[name]
        colours = {colour: Color.from_rgb(*other) for colour, other in look.colours.items()}
        self._recolour = Recolour(colours) if colours else None
        self.theme = name
        self._to_ansi = None
        if self.console.color_system in ("standard", "windows") and not self.no_color:
            # Left to itself, a terminal of 16 colours makes one of several.
            ansi = {_rgb(self.ansi_theme.ansi_colors[number]): Color.from_ansi(number) for number in range(6, 0, -1)}
            models = [look.colours.get(colour, colour) for colour in COLOURS]
            ansi |= {model: Color.from_ansi(n) for model, n in zip(models, look.ansi_models, strict=True)}
            self._to_ansi = Recolour(ansi)

    def get_line_filters(self) -> Sequence[LineFilter]:
        # Those of the library stand between: they make greys of colours, and colours of names.
        filters = [self._recolour, *super().get_line_filters(), self._to_ansi]
        return [line_filter for line_filter in filters if line_filter is not None]

    def greet(self) -> None:
        """Show a hint to those who are here for the first time, until they press a key; never again."""
        if not self.preferences.greeted:
            self._greeting = True
            self.query_one(KeyHints).greet(True)
            self.remember(replace(self.preferences, greeted=True))

    async def on_event(self, event: events.Event) -> None:
        if self._greeting and isinstance(event, (events.Key, events.MouseDown)):
            self._greeting = False
            self.query_one(KeyHints).greet(False)
        await super().on_event(event)

    def action_next_theme(self) -> None:
        names = list(LOOKS)
        self.action_wear(names[(names.index(self.theme) + 1) % len(names)])

    def action_wear(self, name: str) -> None:
        self._wear(name)
        self.remember(replace(self.preferences, theme=name))
        self.notify(name, title="theme", timeout=2)

    def themes_as_commands(self) -> Iterable[SystemCommand]:
        """One command for each look, for the palette."""
        for name in LOOKS:
            yield SystemCommand(f"Theme: {name}", "", lambda name=name: self.action_wear(name))


def _rgb(colour: ColorTriplet) -> RGB:
    red, green, blue = colour
    return red, green, blue
