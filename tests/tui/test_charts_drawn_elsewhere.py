"""Charts whose drawing takes time, fails, or ends the process that draws: what a panel shows meanwhile."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Hashable

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_machine import RecordedMachine, reading
from tests.tui.recorded_run import STEPS_PER_EPOCH, progress
from tui_vae.charts import drawer as drawer_module
from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawer import Done, Drawer, DrawnChart, Failure
from tui_vae.charts.drawing import draw
from tui_vae.tui.widgets.chart import Chart
from tui_vae.view.state import RunState

LOSS = "#loss"
DOTS = re.compile("[\u2801-\u28ff]")
LATER = 7 * STEPS_PER_EPOCH


class HeldDrawer:
    """Draws the charts that it was asked for when a test lets it."""

    spent = 0.0

    def __init__(self) -> None:
        self.held: dict[Hashable, tuple[CurveChart, Done]] = {}
        self.prepared = self.closed = False

    def prepare(self) -> None:
        self.prepared = True

    def ask(self, key: Hashable, chart: CurveChart, done: Done) -> None:
        self.held[key] = chart, done

    def close(self) -> None:
        self.closed = True

    def let_go(self) -> None:
        """Draw all that is held."""
        held, self.held = self.held, {}
        for chart, done in held.values():
            done(DrawnChart(chart, draw(chart)))

    def fail(self, reason: str) -> None:
        held, self.held = self.held, {}
        for chart, done in held.values():
            done(Failure(chart, reason))


async def drawn(monitor: Monitor, drawer: HeldDrawer) -> str:
    drawer.let_go()
    await monitor.settle()
    return monitor.panel(LOSS)


async def test_the_first_picture_is_awaited_in_an_empty_panel(open_monitor: OpenMonitor) -> None:
    drawer = HeldDrawer()
    async with open_monitor(drawer=drawer) as monitor:
        assert drawer.prepared
        await monitor.settle()
        assert not DOTS.search(monitor.panel(LOSS))
        assert DOTS.search(await drawn(monitor, drawer))
        assert not drawer.closed
    assert drawer.closed


async def test_the_last_picture_stays_until_the_next_comes(open_monitor: OpenMonitor) -> None:
    drawer = HeldDrawer()
    async with open_monitor(drawer=drawer) as monitor:
        before = await drawn(monitor, drawer)
        await monitor.press("y")
        assert monitor.panel(LOSS) == before
        after = await drawn(monitor, drawer)
        assert "log" in after
        assert after != before
        await monitor.feed(progress("deep", LATER, loss=1e4))
        await monitor.settle()
        assert monitor.panel(LOSS) == after
        assert await drawn(monitor, drawer) != after


async def test_no_picture_of_another_size_is_shown(open_monitor: OpenMonitor) -> None:
    drawer = HeldDrawer()
    async with open_monitor(drawer=drawer) as monitor:
        await drawn(monitor, drawer)
        await monitor.press("y")
        older = drawer.held
        drawer.held = {}
        await monitor.resize(120, 40)
        await monitor.settle()
        assert not DOTS.search(monitor.panel(LOSS))
        assert "nats per image" in monitor.panel(LOSS)
        held, drawer.held = drawer.held, older
        assert not DOTS.search(await drawn(monitor, drawer))
        drawer.held = held
        panel = await drawn(monitor, drawer)
        assert DOTS.search(panel)
        assert all(chart.columns < 120 for chart, _ in held.values())


async def test_a_panel_says_why_a_chart_is_not_drawn_until_one_is(open_monitor: OpenMonitor) -> None:
    drawer = HeldDrawer()
    async with open_monitor(drawer=drawer) as monitor:
        await drawn(monitor, drawer)
        await monitor.press("y")
        drawer.fail("no luck today")
        await monitor.settle()
        assert "no luck today" in monitor.panel(LOSS)
        assert "nats per image" in monitor.panel(LOSS)
        assert not DOTS.search(monitor.panel(LOSS))
        await monitor.press("y")
        panel = await drawn(monitor, drawer)
        assert DOTS.search(panel)
        assert "no luck" not in panel


async def test_what_is_read_belongs_to_the_picture_that_is_shown(open_monitor: OpenMonitor) -> None:
    drawer = HeldDrawer()
    async with open_monitor(drawer=drawer) as monitor:
        await drawn(monitor, drawer)
        await monitor.press("tab", "left")
        read = monitor.panel(LOSS)
        assert "step" in read
        await monitor.press("x")  # on another axis, where the cursor stands elsewhere
        assert monitor.panel(LOSS) == read
        panel = await drawn(monitor, drawer)
        assert "epoch" in panel
        assert panel != read


async def test_a_picture_that_comes_when_there_is_nothing_to_show_any_more_is_left_out(
    open_monitor: OpenMonitor,
) -> None:
    drawer, stalled = HeldDrawer(), [False]
    async with open_monitor(drawer=drawer, stalled=lambda: stalled[0]) as monitor:
        await monitor.settle()
        stalled[0] = True  # so that the interface shows no state by itself
        chart = monitor.app.query_one(LOSS, Chart)
        chart.show(RunState(), monitor.app.main.settings)
        assert not DOTS.search(await drawn(monitor, drawer))


async def test_the_machine_keeps_its_last_curves_until_the_next_come(open_monitor: OpenMonitor) -> None:
    drawer, machine = HeldDrawer(), RecordedMachine()

    async def seen() -> str:
        await monitor.settle()
        return monitor.panel("#machine-view")

    async def asked() -> None:
        """Wait for a chart, while the screen is looked at: the page asks for its charts when it is rendered."""
        await monitor.until(lambda: monitor.text and drawer.held)

    async with open_monitor(drawer=drawer, machine=machine) as monitor:
        await monitor.press("6")
        await asked()
        assert "100 %" not in await seen()
        drawer.let_go()
        before = await seen()
        assert "100 %" in before
        machine.recorded.append(reading(300, cpu=0.03))
        await asked()
        assert len(set(before.splitlines()) - set((await seen()).splitlines())) == 1  # the line of headings
        drawer.let_go()
        assert len(set(before.splitlines()) - set((await seen()).splitlines())) > 1
        machine.recorded.append(reading(301))
        await asked()
        drawer.fail("no luck today")
        await monitor.until_shown("no luck today")


async def test_a_process_that_is_killed_is_replaced_and_one_that_always_dies_is_reported(
    open_monitor: OpenMonitor,
) -> None:
    warnings: list[str] = []
    drawer = Drawer(warnings.append)
    async with open_monitor(drawer=drawer) as monitor:
        await monitor.until(lambda: DOTS.search(monitor.panel(LOSS)))
        for count in range(drawer_module.DEATHS):
            process = drawer._process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            await monitor.feed(progress("deep", LATER + count))
            await monitor.until(lambda before=process: warnings or drawer._process not in (before, None))
        await monitor.until_shown("no curves for a minute")
        assert warnings == ["no curves for a minute: what draws them ended 3 times (Killed)"]
    assert drawer._process is None
