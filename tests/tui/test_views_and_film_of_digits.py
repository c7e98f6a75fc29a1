"""The digits page: which pictures it shows, and the film through the epochs."""

from __future__ import annotations

import re

import pytest

from tests.tui.monitor import Monitor, OpenMonitor
from tests.tui.recorded_evaluation import evaluation
from tests.tui.recorded_run import NAMES, recorded_run
from tui_vae.metrics import Picture
from tui_vae.tui.pages import digits
from tui_vae.tui.pages.digits import DigitsPage

KINDS = ("prior-means", "interpolation", "chain-from-prior-samples", "chain-from-data-means")


def pictures(model: str) -> tuple[Picture, ...]:
    return tuple(
        Picture(kind, f"all about {kind}", f"evaluation/{model}/{kind}-2x3.png", ("a", "b"), ("0", "1", "2"))
        for kind in KINDS
    )


async def test_v_shows_other_pictures_and_comes_round_again(open_monitor: OpenMonitor) -> None:
    events = [*recorded_run(), *(evaluation(name, i, pictures=pictures(name)) for i, name in enumerate(NAMES))]
    async with open_monitor(events, size=(140, 60)) as monitor:
        await monitor.press("2")
        await monitor.until_shown("newest")
        everything = monitor.panel("#digits")
        await monitor.press("v")
        await monitor.until(lambda: "held-out images" not in monitor.text and "from the prior" in monitor.text)
        await monitor.press("v")
        await monitor.until(lambda: "held-out images" in monitor.text and "from the prior" not in monitor.text)
        await monitor.press("v")
        await monitor.until_shown("chains · 1 of 2")
        await monitor.until_shown("all about chain-from-prior-samples")
        assert monitor.focused == "chains"
        await monitor.press("right")
        await monitor.until_shown("all about chain-from-data-means")
        await monitor.press("v")
        await monitor.until_shown("all about interpolation")
        await monitor.until_shown("interpolations · 1 of 1")
        await monitor.press("v")
        await monitor.until(lambda: monitor.panel("#digits") == everything)
        assert monitor.focused == "gallery"


async def test_one_kind_alone_is_larger(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), ascii_only=True) as monitor:
        await monitor.press("2")
        await monitor.until_shown("newest")
        assert monitor.app.query_one("#gallery").virtual_size.height > monitor.app.query_one("#gallery").size.height
        await monitor.press("v")
        await monitor.until(
            lambda: (
                monitor.app.query_one("#gallery").virtual_size.height <= monitor.app.query_one("#gallery").size.height
            )
        )


async def test_without_an_evaluation_it_says_how_chains_come(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("2", "v", "v", "v")
        await monitor.until_shown("chains come with an evaluation: press e")
        assert "v view" in monitor.panel("#chains")


async def test_the_filter_and_the_edges_hold_for_chains(open_monitor: OpenMonitor) -> None:
    events = [*recorded_run(), *(evaluation(name, i, pictures=pictures(name)) for i, name in enumerate(NAMES))]
    async with open_monitor(events, size=(140, 60)) as monitor:
        await monitor.press("2", "v", "v", "v")
        await monitor.until_shown("chains · 1 of 2")
        for key, at in (("end", 2), ("end", 2), ("home", 1), ("shift+right", 2), ("shift+left", 1)):
            await monitor.press(key)
            await monitor.until_shown(f"chains · {at} of 2")
        assert "baseline" in monitor.panel("#chains")
        await monitor.press("slash", *"deep")
        await monitor.until(lambda: "baseline" not in monitor.panel("#chains"))
        assert "deep" in monitor.panel("#chains")
        await monitor.press("x")
        await monitor.until(lambda: "no model matches deepx" in monitor.panel("#chains"))


async def test_home_and_end_go_to_the_first_and_the_newest_epoch(open_monitor: OpenMonitor) -> None:
    async with open_monitor(recorded_run(14), size=(80, 24)) as monitor:
        await monitor.press("2")
        for key, epoch in (
            ("home", "0"),
            ("shift+right", "10"),
            ("shift+right", "newest"),
            ("shift+left", "4"),
            ("end", "newest"),
        ):
            await monitor.press(key)
            await monitor.until(lambda epoch=epoch: epoch_shown(monitor) == epoch)


def epoch_shown(monitor: Monitor) -> str:
    found = re.search(r"epoch (\d+) of|newest", monitor.panel("#gallery").splitlines()[-1])
    assert found is not None
    return found[1] or "newest"


async def film(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every frame of a film, as the page names it, from the first to the end."""
    monkeypatch.setattr(digits, "SECONDS_A_FRAME", 0.01)
    page = monitor.app.query_one(DigitsPage)
    draw, shown = page._draw, list[str]()

    def remember() -> None:
        draw()
        if shown[-1:] != [page._where()]:
            shown.append(page._where())

    await monitor.press("2")
    await monitor.until_shown("newest")
    monkeypatch.setattr(page, "_draw", remember)
    await monitor.press("f")
    await monitor.until(lambda: len(shown) > 1 and shown[-1] == "newest")
    await monitor.until(lambda: "f film" in monitor.panel("#gallery"))
    return shown[shown[0] == "newest" :]  # what was there before


async def test_f_plays_from_the_first_epoch_to_the_newest_and_ends(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        frames = await film(monitor, monkeypatch)
        assert frames == [*(f"epoch {n} of 6" for n in range(6)), "newest"]


@pytest.mark.parametrize("key", ["f", "left", "escape"])
async def test_a_film_is_stopped_by_keys(open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(digits, "SECONDS_A_FRAME", 1e9)
    async with open_monitor(size=(140, 60)) as monitor:
        await monitor.press("2", "f")
        await monitor.until(lambda: "f stop" in monitor.panel("#gallery"))
        assert epoch_shown(monitor) == "0"
        await monitor.press(key)
        await monitor.until(lambda: "f film" in monitor.panel("#gallery"))
        assert epoch_shown(monitor) == ("newest" if key == "escape" else "0")


async def test_a_film_waits_while_the_terminal_does_not_read_or_another_page_is_seen(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits, "SECONDS_A_FRAME", 0.01)
    stalled = True
    async with open_monitor(size=(140, 60), stalled=lambda: stalled, waits=False) as monitor:
        page = monitor.app.query_one(DigitsPage)
        stalled = False
        await monitor.until(lambda: monitor.source.drained)
        await monitor.press("2")
        await monitor.until_shown("newest")
        stalled = True
        await monitor.press("f")
        await monitor.until_shown("f stop")
        await monitor.pilot.pause(0.2)
        assert page._where() == "epoch 0 of 6"
        await monitor.press("1")
        stalled = False
        await monitor.pilot.pause(0.2)
        assert page._where() == "epoch 0 of 6"
        await monitor.press("2")
        await monitor.until_shown("newest")


async def test_of_many_epochs_the_film_shows_some(open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "MOST_FRAMES", 3)
    async with open_monitor(size=(140, 60)) as monitor:
        frames = await film(monitor, monkeypatch)
        assert frames == ["epoch 0 of 6", "epoch 3 of 6", "newest"]


async def test_a_film_of_one_epoch_does_not_begin(open_monitor: OpenMonitor) -> None:
    async with open_monitor(recorded_run(0), size=(140, 60)) as monitor:
        await monitor.press("2", "f")
        await monitor.until_shown("f film")
        assert epoch_shown(monitor) == "newest"
