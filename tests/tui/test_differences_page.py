"""How marked runs differ: one key shows their options, the difference of every metric with its interval, and curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.scripted_library import ScriptedLibrary, listed
from tui_vae.tui.pages.runs import page as runs_page
from tui_vae.view.state import RunState

NOTHING_OPEN: dict[str, Any] = {"open_source": None, "waits": False, "state": RunState()}


@pytest.fixture(autouse=True)
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_page, "SECONDS_BETWEEN_LISTS", 0.05)
    monkeypatch.setattr(runs_page, "SECONDS_TO_REST", 0.01)


@pytest.fixture
def library(tmp_path: Path) -> ScriptedLibrary:
    return ScriptedLibrary(tmp_path, listed("ibex"), listed("bison"))


async def marked(monitor: Monitor) -> None:
    await monitor.until_shown("bison")
    await monitor.press("m", "down", "m")
    await monitor.until(lambda: len(monitor.app.runs.compared) == 2)
    await monitor.settle()


async def test_marking_draws_the_curves_at_once(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library, **NOTHING_OPEN) as monitor:
        await marked(monitor)
        await monitor.until(lambda: "nats" in monitor.panel("#marked-curves"))
        assert "ibex" in monitor.panel("#comparison")
        assert not monitor.shows("#preview")


@pytest.mark.parametrize("size", [(140, 45), (80, 24), (40, 12)], ids=str)
async def test_one_key_shows_options_metrics_and_curves(
    open_monitor: OpenMonitor, library: ScriptedLibrary, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library, **NOTHING_OPEN) as monitor:
        await marked(monitor)
        if size[0] >= 80:
            assert "1 curves · = differences" in monitor.text
        await monitor.press("equals_sign")
        await monitor.until(lambda: "bison/deep" in monitor.panel("#metric-differences"))
        assert library.asked[-1] == ("compare", "/runs/ibex", "/runs/bison")
        await monitor.settle()
        if size[0] >= 80:
            differences = monitor.panel("#metric-differences")
            assert "bison/deep minus" in differences
            assert "ibex/deep" in differences
            elbo = next(line for line in differences.splitlines() if line.strip("│ ").startswith("ELBO"))
            assert "(" in elbo
            assert "✓ better" in elbo
            await monitor.until(lambda: "lr" in monitor.panel("#compared-options"))
        if size == (140, 45):
            assert monitor.shows("#compared-curves")
        else:
            await monitor.press("tab", "tab")
        await monitor.until(lambda: "nats" in monitor.panel("#compared-curves"))
        await monitor.press("escape")
        await monitor.until(lambda: monitor.shows("#run-table"))
        assert len(monitor.app.runs.compared) == 2


async def test_the_values_of_all_models_follow_the_differences(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(140, 60), library=library, **NOTHING_OPEN) as monitor:
        await marked(monitor)
        await monitor.press("equals_sign")
        await monitor.until_shown("minus")
        monitor.app.main.page.query_one("#metric-differences").scroll_end(animate=False)
        await monitor.until(lambda: "↑ higher is better" in monitor.panel("#metric-differences"))


async def test_a_single_marked_run_is_compared_with_the_one_under_the_cursor(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("bison")
        await monitor.press("equals_sign")
        await monitor.until_shown("mark two runs with m")
        await monitor.press("m")
        await monitor.until(lambda: len(monitor.app.runs.compared) == 1)
        await monitor.press("down", "equals_sign")
        await monitor.until_shown("minus")
        assert library.asked[-1] == ("compare", "/runs/ibex", "/runs/bison")


async def test_what_cannot_be_read_is_said_in_place_of_differences(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await marked(monitor)
        library.refuses = "the disk is on fire"
        await monitor.press("equals_sign")
        await monitor.until(lambda: "the disk is on fire" in monitor.panel("#metric-differences"))


async def test_a_digit_says_what_it_needs_where_no_run_is_open(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(library=library, **NOTHING_OPEN) as monitor:
        await marked(monitor)
        await monitor.press("1")
        await monitor.until_shown("= to compare the marked ones")
        assert monitor.shows("#runs")
