"""Pausing, resuming and selecting models."""

from __future__ import annotations

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import run_finished


async def test_space_pauses_the_selected_model_and_resumes_it(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("space")
        await monitor.until_shown("paused")
        assert monitor.source.asked == [("pause", "baseline")]
        await monitor.press("space")
        await monitor.until(lambda: "paused" not in monitor.panel("#models"))
        assert monitor.source.asked == [("pause", "baseline"), ("resume", "baseline")]


async def test_up_and_down_choose_the_model_that_space_acts_on(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        assert monitor.selected == "baseline"
        await monitor.press("down", "space")
        assert monitor.selected == "deep"
        assert monitor.source.asked == [("pause", "deep")]
        await monitor.press("down")
        assert monitor.selected == "deep"
        await monitor.press("up", "space")
        assert monitor.selected == "baseline"
        assert monitor.source.asked == [("pause", "deep"), ("pause", "baseline")]


async def test_the_latents_panel_shows_the_selected_model(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(300, 60)) as monitor:
        assert "baseline" in monitor.panel("#latent-bars")
        await monitor.press("down")
        await monitor.until(lambda: "deep" in monitor.panel("#latent-bars"))
        assert "baseline" not in monitor.panel("#latent-bars")


async def test_p_pauses_all_and_resumes_all(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("p")
        await monitor.until(lambda: monitor.panel("#models").count("paused") == 2)
        await monitor.press("p")
        await monitor.until(lambda: monitor.panel("#models").count("running") == 2)
        names = ["baseline", "deep"]
        assert monitor.source.asked == [("pause", n) for n in names] + [("resume", n) for n in names]


async def test_p_with_one_model_paused_pauses_the_other_first(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("space")
        await monitor.until_shown("paused")
        await monitor.press("p")
        await monitor.until(lambda: monitor.panel("#models").count("paused") == 2)
        assert monitor.source.asked == [("pause", "baseline"), ("pause", "deep")]


async def test_nothing_is_paused_when_all_models_have_ended(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*run_finished())
        await monitor.press("space", "p")
        await monitor.until_shown("no model is training")
        assert monitor.source.asked == []
