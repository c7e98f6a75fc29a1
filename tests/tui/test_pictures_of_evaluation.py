"""The pictures on the evaluation page: which are seen, how they are turned, and that each is read once."""

from __future__ import annotations

import itertools

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_evaluation import (
    KINDS,
    evaluated_run,
    evaluation,
    picture,
)
from tests.tui.recorded_run import recorded_run
from tui_vae.metrics import Picture

DONE = [*recorded_run(), *evaluated_run()]


async def test_at_80_by_24_tab_goes_to_the_pictures_and_arrows_through_them(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(80, 24)) as monitor:
        await monitor.press("4")
        assert monitor.focused == "report"
        assert not monitor.shows("#pictures")
        await monitor.press("tab")
        assert monitor.focused == "pictures"
        assert not monitor.shows("#report")
        # One at a time where both do not fit: every key goes on by one, and each is there before the next key.
        for at, model in itertools.product(range(len(KINDS)), ("● baseline", "▲ deep")):
            await monitor.until_shown(f"{at + 1} of {len(KINDS)} · {model}")
            await monitor.press("right")
        await monitor.until(lambda: "1 of 3 · ● baseline" in monitor.panel("#pictures"))
        await monitor.press("left")
        await monitor.until(lambda: "3 of 3 · ▲ deep" in monitor.panel("#pictures"))
        await monitor.until(lambda: "▀▀▀▀" in monitor.panel("#pictures"))
        assert "↑↓ scroll" in monitor.panel("#pictures")


async def test_at_140_by_45_both_are_seen_and_enter_enlarges_the_pictures(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(140, 45)) as monitor:
        await monitor.press("4")
        assert monitor.shows("#report")
        assert monitor.shows("#pictures")
        await monitor.press("right")
        await monitor.until(lambda: "▲ deep" in monitor.panel("#pictures"))
        await monitor.press("tab", "enter")
        assert monitor.app.query_one("#pictures").region.width == 140
        assert not monitor.shows("#report")
        await monitor.press("escape")
        assert monitor.shows("#report")


async def test_where_there_is_room_all_models_are_under_each_other(open_monitor: OpenMonitor) -> None:
    async with open_monitor(DONE, size=(300, 90)) as monitor:
        await monitor.press("4")
        panel = monitor.panel("#pictures")
        assert "● baseline" in panel
        assert "▲ deep" in panel
        await monitor.press("right")
        await monitor.until(lambda: "2 of 3" in monitor.panel("#pictures"))
        for label in ("image", "mean z", "sampled z", "0", "9"):
            assert label in monitor.panel("#pictures")


@pytest.mark.parametrize("file", ["missing-3x10.png", "odd-2x10.png"])
async def test_a_picture_that_cannot_be_read_or_is_another_says_so(open_monitor: OpenMonitor, file: str) -> None:
    odd = Picture("prior-means", "prior means", file, ("", "", ""), ("",) * 10)
    async with open_monitor([*recorded_run(), evaluation(pictures=(odd,))], size=(80, 24)) as monitor:
        await monitor.press("4", "tab")
        await monitor.until_shown("this picture cannot be read")


async def test_the_picture_of_a_new_evaluation_is_read_anew(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), evaluation()], size=(140, 45)) as monitor:
        await monitor.press("4", "right", "left")
        file = picture("prior-means", "baseline").file
        assert monitor.source.pictures_read.count(file) == 1
        await monitor.feed(evaluation(t=1e9, epoch=7))
        await monitor.until(lambda: monitor.source.pictures_read.count(file) == 2)
