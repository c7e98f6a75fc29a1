"""Terminals without Unicode or without colour."""

from __future__ import annotations

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_machine import RecordedMachine
from tests.tui.recorded_run import run_finished
from tui_vae.events import State


def not_ascii(monitor: Monitor) -> set[str]:
    return {character for character in monitor.text if not character.isascii()}


@pytest.mark.parametrize(
    "size",
    [(80, 24), (40, 12), *(pytest.param(size, marks=pytest.mark.long) for size in ((140, 45), (20, 5)))],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
async def test_in_ascii_every_character_on_every_page_is_ascii(
    open_monitor: OpenMonitor, size: tuple[int, int]
) -> None:
    async with open_monitor(ascii_only=True, size=size, machine=RecordedMachine(gpus=1)) as monitor:
        for key in (
            "1",
            "y",
            "plus",
            "x",
            "enter",
            "2",
            "left",
            "3",
            "4",
            "e",
            "5",
            "6",
            "0",
            "z",
            "3",
            "v",
            "t",
            "space",
            "p",
            "w",
        ):
            await monitor.press(key)
            assert not_ascii(monitor) == set(), key
        for key in ("question_mark", "ctrl+p", "q"):
            await monitor.press(key)
            assert not_ascii(monitor) == set(), key
            assert {strip.cell_length for strip in monitor.strips} == {size[0]}, key
            await monitor.press("escape")
        await monitor.feed(State(model="deep", state="failed", reason="naïve – é"), *run_finished())
        await monitor.press("1")
        assert not_ascii(monitor) == set()


async def test_in_ascii_both_models_differ_by_their_marks(open_monitor: OpenMonitor) -> None:
    async with open_monitor(ascii_only=True) as monitor:
        assert "o baseline" in monitor.panel("#models")
        assert "^ deep" in monitor.panel("#models")
        plot = "".join(monitor.panel("#loss").splitlines()[1:-1])
        assert "o" in plot
        assert "^" in plot


async def test_in_ascii_lines_are_made_of_the_markers_of_their_models(open_monitor: OpenMonitor) -> None:
    async with open_monitor(ascii_only=True) as monitor:
        plot = "".join(monitor.panel("#loss").splitlines()[1:-1])
        assert "oooo" in plot
        assert "^^^^" in plot
        assert "@ held out" in monitor.panel("#loss")
        assert "@" in plot


@pytest.mark.parametrize("env", [{"TERM": "xterm", "COLORTERM": ""}, {"NO_COLOR": "1"}], ids=["sixteen", "none"])
async def test_where_there_are_few_colours_or_none_bands_are_shaded(
    open_monitor: OpenMonitor, env: dict[str, str]
) -> None:
    async with open_monitor(env=env) as monitor:
        assert "░░░░" in monitor.panel("#loss")
        assert monitor.panel("#loss").count("●") > 2


async def test_with_many_colours_bands_are_areas(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        assert "░" not in monitor.panel("#loss")
        assert set("▀▄") & set(monitor.panel("#loss"))


async def test_in_ascii_digits_are_shades(open_monitor: OpenMonitor) -> None:
    async with open_monitor(ascii_only=True) as monitor:
        await monitor.press("2")
        await monitor.until_shown("samples from the prior")
        assert set(".:-=+*#") <= set(monitor.panel("#gallery"))


async def test_with_colour_digits_are_half_blocks(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.press("2")
        await monitor.until(lambda: "▀▀▀▀▀▀▀▀▀▀" in monitor.panel("#gallery"))


def hues(monitor: Monitor) -> set[tuple[int, ...]]:
    """Colours on the screen that are no greys."""
    styles = [segment.style for strip in monitor.strips for segment in strip if segment.style is not None]
    colours = [colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None]
    triplets = {tuple(colour.get_truecolor()) for colour in colours if not colour.is_default}
    return {triplet for triplet in triplets if max(triplet) - min(triplet) > 1}


async def test_with_colour_there_are_hues(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        assert hues(monitor)


async def test_with_no_color_everything_is_grey(open_monitor: OpenMonitor) -> None:
    async with open_monitor(env={"NO_COLOR": "1"}, machine=RecordedMachine(gpus=1)) as monitor:
        for key in ("1", "2", "3", "4", "5", "6", "question_mark"):
            await monitor.press(key)
            assert hues(monitor) == set(), key
