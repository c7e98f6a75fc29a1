"""What a restless person does with a terminal, as Hypothesis strategies, and how it reaches the interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st
from textual.events import Event, Key, MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp, Paste
from textual.keys import key_to_character

from tests.tui.app_driver import Monitor
from tui_vae.tui.keys import GROUPS

BOUND = sorted({key for group in GROUPS.values() for binding in group for key in binding.key.split(",")})
EDITING = ["backspace", "delete", "home", "end", "pageup", "pagedown", "ctrl+a", "ctrl+k", "ctrl+w", "ctrl+left", "f5"]
TYPED = [*"0123456789.-/*[]\\'\"aZ ~", "é", "漢", "\u202e"]
SIZES = [(1, 1), (20, 5), (30, 6), (40, 12), (80, 24), (140, 45), (300, 90)]
WHOLE = 10_000
"""A place on the screen is so many parts of its width and height, for the size is not known beforehand."""


@dataclass(frozen=True)
class Typed:
    """Keys that come at once, as when one is held."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Pointed:
    """The mouse pressed at one place and let go at another."""

    button: int
    times: int
    down: tuple[int, int]
    up: tuple[int, int]


@dataclass(frozen=True)
class Wheeled:
    """The wheel turned, up when negative."""

    turns: int
    place: tuple[int, int]
    shift: bool


@dataclass(frozen=True)
class Pasted:
    text: str


@dataclass(frozen=True)
class Resized:
    width: int
    height: int


Deed = Typed | Pointed | Wheeled | Pasted | Resized

_places = st.tuples(st.integers(0, WHOLE - 1), st.integers(0, WHOLE - 1))
_keys = st.sampled_from(BOUND) | st.sampled_from(BOUND + EDITING + TYPED)
deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Typed, st.tuples(_keys)),
    st.builds(Typed, st.lists(_keys, min_size=2, max_size=6).map(tuple)),
    st.builds(Typed, st.tuples(_keys)),
    st.builds(Pointed, st.sampled_from([1, 1, 1, 2, 3]), st.sampled_from([1, 1, 2]), _places, _places)
    | _places.map(lambda place: Pointed(1, 1, place, place)),
    st.builds(Wheeled, st.integers(-5, 5), _places, st.booleans()),
    st.builds(Resized, st.integers(1, 160), st.integers(1, 60)) | st.sampled_from(SIZES).map(lambda s: Resized(*s)),
    st.builds(Pasted, st.text(max_size=20)),
)


async def do(monitor: Monitor, deed: Deed) -> None:
    """Let the deed reach the interface as its driver would, and wait until it has been answered."""
    if isinstance(deed, Resized):
        await monitor.pilot.resize_terminal(deed.width, deed.height)
        return
    driver = monitor.app._driver
    assert driver is not None
    for event in _events(deed, *monitor.app.size):
        driver.process_message(event)
    await monitor.pilot.pause()


def _events(deed: Typed | Pointed | Wheeled | Pasted, width: int, height: int) -> list[Event]:
    def at(place: tuple[int, int]) -> tuple[int, int]:
        return place[0] * width // WHOLE, place[1] * height // WHOLE

    match deed:
        case Typed(keys):
            return [Key(key, key_to_character(key)) for key in keys]
        case Pasted(text):
            return [Paste(text)]
        case Wheeled(turns, place, shift):
            return [_mouse(MouseScrollUp if turns < 0 else MouseScrollDown, at(place), 0, shift)] * abs(turns)
        case Pointed(button, times, down, up):
            events: list[Event] = [_mouse(MouseMove, at(down), 0)]
            for _ in range(times):
                events.append(_mouse(MouseDown, at(down), button))
                if up != down:
                    events.append(_mouse(MouseMove, at(up), button))
                events.append(_mouse(MouseUp, at(up), button))
            return events


def _mouse(kind: Callable[..., Event], place: tuple[int, int], button: int, shift: bool = False) -> Event:
    x, y = place
    return kind(None, x, y, 0, 0, button, shift, False, False, screen_x=x, screen_y=y)
