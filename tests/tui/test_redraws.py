"""Charts are built when what they show has changed and someone sees it, and never otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widget import Widget

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import epoch, progress
from tui_vae.charts.curves import CurvePlot
from tui_vae.tui.widgets.status_bar import StatusLine


def title(data: CurvePlot) -> str:
    return "".join(span.text for span in data.title).split(",")[0].strip()


def titles(drawn: list[CurvePlot]) -> list[str]:
    return sorted({title(data) for data in drawn})


async def test_nothing_is_built_while_nothing_changes(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    async with open_monitor() as monitor:
        await monitor.pilot.pause(0.5)
        drawn.clear()
        for _ in range(20):
            monitor.app.main.update_view()
        await monitor.pilot.pause(0.5)
        assert drawn == []


async def test_a_new_point_builds_each_visible_chart_once(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    async with open_monitor() as monitor:
        await monitor.pilot.pause(0.5)
        drawn.clear()
        await monitor.feed(progress("deep", 601))
        await monitor.pilot.pause(0.5)
        assert [title(data) for data in drawn].count("−ELBO") == 1
        assert len(drawn) == 3


async def test_hidden_charts_are_not_built(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        assert titles(drawn) == ["−ELBO"]
        await monitor.press("5")
        drawn.clear()
        await monitor.feed(progress("deep", 601), epoch("deep", 7))
        await monitor.pilot.pause(0.5)
        assert drawn == []
        await monitor.press("1", "tab", "tab", "tab")
        await monitor.until(lambda: "KL" in titles(drawn))


async def test_a_chart_behind_another_page_is_up_to_date_when_shown(
    open_monitor: OpenMonitor, drawn: list[CurvePlot]
) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("5")
        await monitor.feed(progress("deep", 700))
        await monitor.press("1")
        await monitor.until(lambda: drawn[-1].chart.x_range[1] == 700)


async def test_pictures_are_read_once(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.press("2", "1", "2")
        for _ in range(5):
            monitor.app.main.update_view()
        assert sorted(monitor.source.pictures_read) == [f"samples/{n}/epoch-0006.png" for n in ("baseline", "deep")]


async def test_a_panel_without_data_for_the_model_names_no_other(open_monitor: OpenMonitor) -> None:
    """The latents panel of a model that has no epoch yet must not keep the title of the model shown before."""
    async with open_monitor(size=(300, 60)) as monitor:
        await monitor.feed(progress("third", 1))
        await monitor.until(lambda: "baseline" in monitor.panel("#latent-bars"))
        await monitor.press("down", "down")
        await monitor.until(lambda: "waiting for the first epoch" in monitor.panel("#latent-bars"))
        assert "deep" not in monitor.panel("#latent-bars")
        assert "baseline" not in monitor.panel("#latent-bars")


async def test_no_page_draws_anything_while_nothing_changes(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line above it, which has the clock, apart."""
    asked: list[str] = []
    refresh = Widget.refresh

    def noted(self: Widget, *of: Any, **named: Any) -> Widget:
        if not isinstance(self, StatusLine):
            asked.append(repr(self))
        return refresh(self, *of, **named)

    async with open_monitor() as monitor:
        for page in "0123456z":
            await monitor.press(page)
            await monitor.settle()
            with monkeypatch.context() as patched:
                patched.setattr(Widget, "refresh", noted)
                for _ in range(5):
                    monitor.app.main.update_view()
            assert not asked, f"page {page}"
