"""Which page and panel is shown, and where the focus is."""

from __future__ import annotations

import pytest
from textual.widgets import ContentSwitcher

from tests.tui.app_driver import Monitor, OpenMonitor

PANELS = ["loss", "reconstruction", "kl", "latent-bars", "active", "speed", "samples"]


AT_FIRST = [*PANELS[:4], "samples"]


def shown_panels(monitor: Monitor) -> list[str]:
    return [panel for panel in PANELS if monitor.shows(f"#{panel}")]


@pytest.mark.parametrize(
    ("key", "page", "text"),
    [
        ("2", "digits", "samples from the prior"),
        ("3", "latents", "KL per latent"),
        ("5", "log-page", "held-out ELBO"),
    ],
)
async def test_a_number_shows_its_page_and_1_goes_back(
    open_monitor: OpenMonitor, key: str, page: str, text: str
) -> None:
    async with open_monitor(size=(100, 24)) as monitor:
        await monitor.press(key)
        assert monitor.app.query_one("#pages", ContentSwitcher).current == page
        await monitor.until(lambda: text in monitor.panel(f"#{page}"))
        assert not monitor.shows("#training")
        await monitor.press("1")
        assert monitor.shows("#training")
        assert not monitor.shows(f"#{page}")
        await monitor.until(lambda: "−ELBO" in monitor.panel("#loss"))


async def test_tab_goes_through_the_table_and_all_panels_and_round(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        visited = [monitor.focused]
        for _ in range(len(PANELS) + 1):
            await monitor.press("tab")
            visited.append(monitor.focused)
        assert visited == ["models", *PANELS, "models"]


async def test_shift_tab_goes_the_other_way(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        visited = []
        for _ in range(len(PANELS) + 1):
            await monitor.press("shift+tab")
            visited.append(monitor.focused)
        assert visited == [*reversed(PANELS), "models"]


async def test_at_80_by_24_the_focused_panel_is_the_one_shown(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        assert shown_panels(monitor) == ["loss"]
        for panel in PANELS:
            await monitor.press("tab")
            assert monitor.focused == panel
            assert shown_panels(monitor) == [panel]
            assert monitor.app.query_one(f"#{panel}").region.width == 80
        await monitor.press("shift+tab")
        assert shown_panels(monitor) == ["speed"]


async def test_at_80_by_24_every_panel_shows_its_content(open_monitor: OpenMonitor) -> None:
    content = ["ELBO, nats", "reconstruction, nats", "KL, nats", "KL per latent", "active latents, number"]
    content += ["images per second", "samples from the prior"]
    async with open_monitor(size=(80, 24)) as monitor:
        for panel, text in zip(PANELS, content, strict=True):
            await monitor.press("tab")
            await monitor.until(lambda panel=panel, text=text: text in monitor.panel(f"#{panel}"))


async def test_tab_on_the_latents_page_scrolls_to_a_chart_below(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 18)) as monitor:
        await monitor.press("3")
        await monitor.until_shown("● baseline")
        assert "▲ deep " not in monitor.panel("#pages")
        await monitor.press("tab", "tab")
        await monitor.until(lambda: "▲ deep " in monitor.panel("#pages"))


async def test_enter_enlarges_the_focused_panel_and_restores_it(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        assert shown_panels(monitor) == AT_FIRST
        await monitor.press("tab", "tab", "tab", "enter")
        assert shown_panels(monitor) == ["kl"]
        assert monitor.app.query_one("#kl").region.width == 140
        await monitor.until(lambda: "KL, nats per image" in monitor.panel("#kl"))
        await monitor.press("enter")
        assert shown_panels(monitor) == AT_FIRST


async def test_escape_restores_an_enlarged_panel(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.press("enter")
        assert shown_panels(monitor) == ["loss"]
        await monitor.press("escape")
        assert shown_panels(monitor) == AT_FIRST


async def test_tab_while_enlarged_shows_the_next_panel_large(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.press("tab", "enter", "tab")
        assert shown_panels(monitor) == ["reconstruction"]


async def test_enter_enlarges_the_panel_that_was_clicked(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.pilot.click("#kl", offset=(10, 5))
        assert monitor.focused == "kl"
        await monitor.press("enter")
        assert shown_panels(monitor) == ["kl"]


async def test_a_clicked_panel_is_the_one_kept_when_space_becomes_short(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.pilot.click("#samples", offset=(10, 5))
        await monitor.resize(80, 24)
        assert shown_panels(monitor) == ["samples"]
