"""The looks: what stands on the screen can be seen on every one of them, by all eyes and on any terminal."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.color_vision import EYES, RGB, contrast, difference
from tests.tui.recorded_machine import RecordedMachine
from tests.tui.recorded_run import recorded_run
from tui_vae.charts.palette import COLOURS
from tui_vae.tui.themes import MONITOR_THEMES, InMemoryPreferences, Preferences

SIX = ("baseline", "deep", "wide", "narrow", "vast", "tiny")
MARKERS = "●▲■◆✚★"


def models_on(name: str) -> list[RGB]:
    return [MONITOR_THEMES[name].colours.get(colour, colour) for colour in COLOURS]


def wearing(name: str) -> InMemoryPreferences:
    return InMemoryPreferences(Preferences(name, greeted=True))


def test_there_are_four_of_which_one_is_light() -> None:
    assert list(MONITOR_THEMES) == ["dark", "light", "contrast", "solarized"]
    assert [name for name, look in MONITOR_THEMES.items() if not look.theme.dark] == ["light"]


@pytest.mark.parametrize("name", MONITOR_THEMES)
def test_the_colours_of_models_stand_out_from_every_background(name: str) -> None:
    theme = MONITOR_THEMES[name].theme
    grounds = [theme.background, theme.surface, theme.variables["row"], theme.variables["row-focused"]]
    for ground in grounds:
        assert ground is not None
        for colour in models_on(name):
            assert contrast(colour, Color.parse(ground).rgb) >= 3, (ground, colour)


@pytest.mark.parametrize("name", MONITOR_THEMES)
def test_text_stands_out(name: str) -> None:
    theme = MONITOR_THEMES[name].theme
    for ground in (theme.background, theme.surface, theme.panel, *theme.variables.values()):
        if ground is not None:
            assert contrast(Color.parse(theme.foreground or "").rgb, Color.parse(ground).rgb) >= 7


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("name", MONITOR_THEMES)
def test_two_models_differ_to_all_eyes(name: str, eyes: str) -> None:
    assert min(difference(a, b, eyes) for a, b in itertools.combinations(models_on(name), 2)) > 11


def styles_of_models(monitor: Monitor) -> list[Style]:
    """The styles in which the markers of the table are drawn, in the order of the models."""
    rows = monitor.strips[2 : 2 + len(SIX)]
    styles = [next(segment.style for segment in row if segment.text[:1] in MARKERS) for row in rows]
    assert all(style is not None for style in styles)
    return [style for style in styles if style is not None]


async def styles_in_every_look(monitor: Monitor) -> AsyncIterator[tuple[str, list[Style]]]:
    """Each look, which a key leads to, and the styles of models in it."""
    for _ in MONITOR_THEMES:
        await monitor.press("t")
        yield monitor.app.theme, styles_of_models(monitor)


async def test_models_are_drawn_in_the_colours_of_the_look(open_monitor: OpenMonitor) -> None:
    async with open_monitor(recorded_run(names=SIX), preferences=wearing("dark")) as monitor:
        of_each = {name: styles async for name, styles in styles_in_every_look(monitor)}
    assert of_each.keys() == MONITOR_THEMES.keys()
    for name, styles in of_each.items():
        colours = [tuple(style.color.triplet) for style in styles if style.color and style.color.triplet]
        assert colours == models_on(name)
        for style in styles:
            assert style.color is not None
            assert style.bgcolor is not None
            assert contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor()) >= 3


@pytest.mark.parametrize("term", ["linux", "xterm-256color", pytest.param("xterm", marks=pytest.mark.long)])
async def test_where_there_are_few_colours_no_two_models_have_the_same(open_monitor: OpenMonitor, term: str) -> None:
    few = {"TERM": term, "COLORTERM": ""}
    system = ColorSystem.EIGHT_BIT if "256" in term else ColorSystem.STANDARD
    async with open_monitor(recorded_run(names=SIX), preferences=wearing("dark"), env=few) as monitor:
        async for name, styles in styles_in_every_look(monitor):
            shown = [style.color.downgrade(system).number for style in styles if style.color is not None]
            grounds = {style.bgcolor.downgrade(system).number for style in styles if style.bgcolor is not None}
            assert len(set(shown)) == 6, name
            assert not set(shown) & grounds, name


async def test_without_colour_models_on_a_light_ground_are_dark(open_monitor: OpenMonitor) -> None:
    options = {"preferences": wearing("light"), "env": {"NO_COLOR": "1"}}
    async with open_monitor(recorded_run(names=SIX), **options) as monitor:
        for style in styles_of_models(monitor):
            assert style.color is not None
            assert style.bgcolor is not None
            assert contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor()) >= 3


async def test_a_key_goes_through_the_looks_and_the_choice_is_remembered(open_monitor: OpenMonitor) -> None:
    store = wearing("dark")
    async with open_monitor(preferences=store) as monitor:
        for name in ("light", "contrast", "solarized", "dark"):
            await monitor.press("t")
            assert (monitor.app.theme, store.read().theme) == (name, name)


async def test_the_palette_offers_every_look(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("ctrl+p", *"theme: sol")
        await monitor.until_shown("Theme: solarized")
        await monitor.press("enter", "enter")
        await monitor.until(lambda: monitor.app.theme == "solarized")


@pytest.mark.parametrize(
    "name",
    [name if name in ("dark", "light") else pytest.param(name, marks=pytest.mark.long) for name in MONITOR_THEMES],
)
async def test_every_page_and_dialog_can_be_drawn_in_every_look(open_monitor: OpenMonitor, name: str) -> None:
    machine = RecordedMachine(gpus=1)
    async with open_monitor(size=(80, 24), preferences=wearing(name), machine=machine) as monitor:
        for key in ("2", "3", "4", "5", "6", "question_mark", "escape", "ctrl+p", "escape", "q", "escape", "1"):
            await monitor.press(key)
        await monitor.until_shown("held out")


async def test_pictures_stay_as_they_are_on_a_light_ground(open_monitor: OpenMonitor) -> None:
    greys = []
    for name in ("dark", "light"):
        async with open_monitor(size=(80, 24), preferences=wearing(name)) as monitor:
            await monitor.press("2")
            await monitor.until(lambda: "▀▀▀▀▀▀" in monitor.panel("#gallery"))
            cells = [segment for strip in monitor.strips for segment in strip if "▀▀" in segment.text]
            greys.append([(c.text, c.style.color, c.style.bgcolor) for c in cells if c.style is not None])
    assert greys[0] == greys[1]


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (80, "? shows every key · space pauses · q leaves"),
        (40, "? keys · space pauses · q leaves"),
        (140, "welcome!"),
    ],
)
async def test_newcomers_are_greeted_until_they_press_a_key_and_never_again(
    open_monitor: OpenMonitor, width: int, words: str
) -> None:
    store = InMemoryPreferences(Preferences())
    async with open_monitor(size=(width, 24), preferences=store) as monitor:
        await monitor.until(lambda: words in monitor.panel("#keys"))
        await monitor.press("2")
        assert words not in monitor.panel("#keys")
        assert monitor.panel("#keys").rstrip().endswith("? keys  ctrl+p menu  q leave")
        assert monitor.shows("#digits")
    async with open_monitor(size=(width, 24), preferences=store) as monitor:
        assert words not in monitor.panel("#keys")
