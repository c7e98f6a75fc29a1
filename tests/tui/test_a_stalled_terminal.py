"""A terminal that does not read: nothing is taken or drawn for it until it does again."""

from __future__ import annotations

from tests.tui.app_driver import OpenMonitor
from tui_vae.events import Notice


async def test_nothing_is_drawn_while_the_terminal_does_not_read(open_monitor: OpenMonitor) -> None:
    stalled = [False]
    async with open_monitor(stalled=lambda: stalled[0]) as monitor:
        await monitor.press("5")
        stalled[0] = True
        monitor.source.feed(Notice(level="info", text="told meanwhile"))
        for _ in range(20):
            await monitor.pilot.pause(0.02)
        assert not monitor.source.drained
        assert "told meanwhile" not in monitor.text
        stalled[0] = False
        await monitor.until_shown("told meanwhile")
