"""Every binding is pressed, on every page and at three sizes, and the interface goes on."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests.tui.app_driver import OpenMonitor
from tui_vae.tui.keys import GROUPS

KEYS = [key for group in GROUPS.values() for binding in group for key in binding.key.split(",")]


@pytest.mark.parametrize(
    ("size", "page"),
    [
        ((140, 45), "1"),
        *(
            pytest.param(size, page, marks=pytest.mark.long)
            for size, page in (((40, 12), "1"), *(((80, 24), page) for page in "245"))
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
async def test_every_key_on_a_page(open_monitor: OpenMonitor, size: tuple[int, int], page: str) -> None:
    async with open_monitor(size=size) as monitor:
        await monitor.press(page)
        active = monitor.app.main.page
        for key in KEYS:
            if monitor.app.main.page is not active:
                await monitor.press(page)
            await monitor.press(key)
            while len(monitor.app.screen_stack) > 1 or isinstance(monitor.app.focused, Input):
                await monitor.press("escape")
        assert monitor.app.return_value is None
        assert monitor.source.asked
        monitor.app.clear_notifications()  # which stand before the page
        await monitor.until_shown("baseline")


@pytest.mark.long
async def test_every_key_before_anything_is_known(open_monitor: OpenMonitor) -> None:
    async with open_monitor([], size=(80, 24)) as monitor:
        for key in KEYS:
            await monitor.press(key)
            while len(monitor.app.screen_stack) > 1 or isinstance(monitor.app.focused, Input):
                await monitor.press("escape")
        # All of these may be asked for before the first step. What was paused in time is resumed.
        assert {asked for asked, _ in monitor.source.asked} - {"resume"} == {"pause", "checkpoint", "evaluate"}
        monitor.app.clear_notifications()  # which stand before the page
        await monitor.press("1")
        await monitor.until_shown("waiting for the first")
