"""The digits page: which pictures it shows, and the film through the epochs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import LAYOUT, NAMES, recorded_run, samples, sheet
from tui_vae.events import Samples, SheetLayout
from tui_vae.tui.pages import digits
from tui_vae.tui.pages.digits import DigitsPage
from tui_vae.tui.widgets.digits import DigitGallery, DigitRow, arrange
from tui_vae.view.image_cells import parse_sheet

MARKED = ("● baseline", "▲ deep")


def labels(monitor: Monitor) -> list[str]:
    return [row.label.plain for row in monitor.app.query_one("#gallery", DigitGallery)._rows]


async def test_v_shows_other_pictures_of_the_epoch_and_comes_round_again(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 70)) as monitor:
        await monitor.press("2", "home", "right", "right")
        await monitor.until_shown("epoch 2 of 6")
        everything = monitor.panel("#digits")
        await monitor.press("v")
        await monitor.until(lambda: "held-out images" not in monitor.text and "from the prior" in monitor.text)
        await monitor.press("v")
        await monitor.until(lambda: "held-out images" in monitor.text and "from the prior" not in monitor.text)
        await monitor.press("v")
        await monitor.until_shown("encode–decode chains")
        assert labels(monitor) == [
            "held-out images, where the chains begin",
            *(f"{m} · encoded and decoded {t} times, by means · epoch 2" for t in (10, 50) for m in MARKED),
        ]
        await monitor.press("v")
        await monitor.until_shown("interpolations")
        assert labels(monitor) == [f"{model} · from one held-out image to another · epoch 2" for model in MARKED]
        await monitor.press("v")
        await monitor.until(lambda: monitor.panel("#digits") == everything)
        assert monitor.focused == "gallery"


async def test_chains_and_interpolations_are_of_the_rows_that_the_sheet_has_for_them(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 70)) as monitor:
        await monitor.press("2", "left", "v", "v", "v")
        await monitor.until_shown("encode–decode chains")
        sheets = {name: parse_sheet(sheet(samples(name, 5).file), LAYOUT) for name in NAMES}
        first, *chains = monitor.app.query_one("#gallery", DigitGallery)._rows
        assert np.array_equal(first.images, sheets["baseline"].originals)
        expected = [sheets[name].chain[index] for index in range(2) for name in NAMES]
        for row, images in zip(chains, expected, strict=True):
            assert np.array_equal(row.images, images)
        await monitor.press("v")
        await monitor.until_shown("interpolations")
        for row, name in zip(monitor.app.query_one("#gallery", DigitGallery)._rows, NAMES, strict=True):
            assert np.array_equal(row.images, sheets[name].interpolations[0])


@pytest.mark.parametrize(("width", "places"), [(140, range(8)), (80, (0, 2, 4, 5, 7)), (40, (2, 5))])
async def test_an_interpolation_that_is_too_long_is_shown_from_end_to_end(
    open_monitor: OpenMonitor, width: int, places: Sequence[int]
) -> None:
    async with open_monitor(size=(width, 24)) as monitor:
        await monitor.press("2", "v", "v", "v", "v")
        await monitor.until_shown("interpolation")
        gallery = monitor.app.query_one("#gallery", DigitGallery)
        row, arrangement = gallery._rows[0], arrange(2, gallery.size)
        lines = gallery._row_strips(row, arrangement, gallery.size.width)
        alone = DigitRow(row.label, row.images[list(places)])
        assert [line.text for line in lines[1:]] == [
            line.text for line in gallery._row_strips(alone, arrangement, gallery.size.width)[1:]
        ]


async def test_a_run_from_before_chains_were_drawn_says_where_there_are_some(open_monitor: OpenMonitor) -> None:
    old = SheetLayout(columns=8, prior=1, pairs=5)  # of as many rows
    events = [structs.replace(e, layout=old) if isinstance(e, Samples) else e for e in recorded_run()]
    async with open_monitor(events, size=(40, 12)) as monitor:
        await monitor.press("2", "v", "v", "v")
        await monitor.until_shown("not kept in this run: see page 4")
        await monitor.press("v")
        await monitor.until(lambda: "interpolations" in monitor.text and "not kept" in monitor.text)


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


async def test_the_filter_holds_for_chains(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        await monitor.press("2", "v", "v", "v")
        await monitor.until_shown("encode–decode chains")
        assert "baseline" in monitor.panel("#gallery")
        await monitor.press("slash", *"deep")
        await monitor.until(lambda: "baseline" not in monitor.panel("#gallery"))
        assert "deep" in monitor.panel("#gallery")
        await monitor.press("x")
        await monitor.until(lambda: "no model matches deepx" in monitor.panel("#gallery"))


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
    await monitor.press("2")
    await monitor.until_shown("newest")
    page = monitor.app.query_one(DigitsPage)
    draw, shown = page._draw, list[str]()

    def remember() -> None:
        draw()
        if shown[-1:] != [page._where()]:
            shown.append(page._where())

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
        stalled = False
        await monitor.until(lambda: monitor.source.drained)
        await monitor.press("2")
        await monitor.until_shown("newest")
        page = monitor.app.query_one(DigitsPage)
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
