"""Pictures as true pixels: the terminal has every image of which it is shown a cell, and forgets the others."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from rich.segment import Segment
from textual.strip import Strip

from tests.kitty_screen import PLACEHOLDER, KittyScreen
from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_evaluation import evaluated_run
from tests.tui.recorded_run import checkpoint, recorded_run, sheet
from tui_vae.config import IMAGE_SIDE
from tui_vae.events import Event
from tui_vae.tui.graphics import images
from tui_vae.tui.graphics.images import TerminalImages
from tui_vae.tui.graphics.kitty import MOST_CELLS, KittyGraphics, transmission
from tui_vae.view.image_cells import Pixels
from tui_vae.view.terminal_probe import Graphics

KITTY = Graphics("kitty")


def noise(seed: int, side: int = IMAGE_SIDE) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


def terminal_of(monitor: Monitor) -> KittyScreen:
    """What the terminal has been told so far; nothing else takes it where there is none."""
    screen = KittyScreen()
    assert monitor.app.output.images is not None
    screen.feed(monitor.app.output.images.written(""))
    return screen


def test_an_image_of_many_parts_arrives_as_it_was() -> None:
    screen = KittyScreen()
    screen.feed(transmission(0x800001, noise(0, 150), 75, 38))
    held = screen.images[0x800001]
    assert (held.pixels == noise(0, 150)).all()
    assert (held.columns, held.lines) == (75, 38)


@pytest.mark.parametrize(
    ("image", "scale"),
    [(noise(1), 1 / 3), (noise(1), 1 / 2), (noise(1), 1.0), (noise(1) // 128, 1.0)],
    ids=["third", "half", "whole", "long pieces"],
)
def test_cells_cover_the_box_and_are_cut_without_harm(image: Pixels, scale: float) -> None:
    terminal, screen = TerminalImages(KittyGraphics()), KittyScreen()
    lines = terminal.draw()(image, scale)
    screen.feed(terminal.written(""))
    ((number, places),) = screen.seen(lines).items()
    held = screen.images[number]
    assert (held.pixels == image).all(), "as it is, at whatever size it is drawn"
    assert places == set(itertools.product(range(held.lines), range(held.columns)))
    for row, line in enumerate(lines):
        strip = Strip(line)
        assert strip.cell_length == held.columns == int(IMAGE_SIDE * scale)
        for left, right in itertools.combinations(range(held.columns + 1), 2):
            assert screen.seen([strip.crop(left, right)]) == {number: {(row, column) for column in range(left, right)}}


def test_a_picture_is_sent_once_for_each_size() -> None:
    terminal, screen = TerminalImages(KittyGraphics()), KittyScreen()
    for seed, scale in ((1, 1.0), (1, 1.0), (2, 1.0), (1, 0.5)):
        terminal.draw()(noise(seed), scale)
    screen.feed(terminal.written(""))
    assert screen.sent == 3
    assert terminal.written("") == ""


def test_pictures_that_nobody_shows_any_more_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_MOST_PICTURES", 4)
    terminal, screen = TerminalImages(KittyGraphics()), KittyScreen()
    draw = terminal.draw()
    for seed in range(40):
        before, draw = draw, terminal.draw()
        assert (before == draw) is (seed % 4 != 0 or seed == 0)
        lines = draw(noise(seed), 0.5)
        screen.feed(terminal.written(""))
        assert len(screen.images) <= 12
        assert len(screen.seen(lines)) == 1
    terminal.unregister_all()
    screen.feed(terminal.written(""))
    assert screen.images == {}
    assert len(draw(noise(50), 12.0)[0]) > 0, "larger than the protocol's boxes: half blocks"
    assert terminal.written("") == ""
    assert IMAGE_SIDE * 12 > MOST_CELLS


async def test_digits_are_the_samples_of_the_run_and_dialogs_lie_above_them(open_monitor: OpenMonitor) -> None:
    async with open_monitor(graphics=KITTY) as monitor:
        await monitor.press("2")
        screen = terminal_of(monitor)
        seen = screen.seen(monitor.strips)
        assert len(seen) >= 8
        tiles = {
            tile.tobytes()
            for file in monitor.source.pictures_read
            for row in np.split(sheet(file), sheet(file).shape[0] // IMAGE_SIDE)
            for tile in np.split(row, row.shape[1] // IMAGE_SIDE, axis=1)
        }
        for number, places in seen.items():
            held = screen.images[number]
            assert held.pixels.tobytes() in tiles
            assert {column for _, column in places} == set(range(held.columns))
        assert "▀" not in monitor.panel("#gallery")
        await monitor.press("q")
        assert "Training is still running. Leave?" in monitor.text
        covered = [s for strip in monitor.strips for s in strip if s.text.startswith(PLACEHOLDER)]
        assert covered, "pictures beside the dialog are still there"
        assert not {number_of(segment) for segment in covered} & set(screen.images), "and are no other pictures"
        assert all(segment.style is not None and segment.style.bgcolor is not None for segment in covered)
        await monitor.press("escape")
        assert monitor.app.output.images is not None
        screen.feed(monitor.app.output.images.written(""))
        assert screen.seen(monitor.strips) == seen


def number_of(segment: Segment) -> int:
    assert segment.style is not None
    assert segment.style.color is not None
    red, green, blue = segment.style.color.get_truecolor()
    return red << 16 | green << 8 | blue


@pytest.mark.parametrize(
    ("events", "key", "panel"),
    [
        (recorded_run(), "1", "#samples"),
        (evaluated_run(), "4", "#pictures"),
        ([*recorded_run(), checkpoint("baseline", 6)], "z", "#explorer-view"),
    ],
    ids=["samples", "evaluation", "explorer"],
)
async def test_every_page_with_pictures_has_them_in_every_look(
    open_monitor: OpenMonitor, events: list[Event], key: str, panel: str
) -> None:
    async with open_monitor(events, graphics=KITTY) as monitor:
        monitor.app.theme_switcher.switch("light")
        await monitor.press(key)
        await monitor.until(lambda: PLACEHOLDER in monitor.panel(panel))
        assert terminal_of(monitor).seen(monitor.strips)
        assert "▀" not in monitor.panel(panel)


async def test_without_all_colours_there_are_half_blocks(open_monitor: OpenMonitor) -> None:
    async with open_monitor(graphics=KITTY, env={"COLORTERM": ""}) as monitor:
        await monitor.press("2")
        assert "▀" in monitor.text
        assert PLACEHOLDER not in monitor.text


async def test_ascii_for_pictures_alone(open_monitor: OpenMonitor) -> None:
    async with open_monitor(graphics=Graphics("ascii")) as monitor:
        await monitor.press("2")
        await monitor.until_shown("samples from the prior")
        assert set(".:-=+*#") <= set(monitor.panel("#gallery"))
        assert "│" in monitor.text


async def test_a_saved_screen_has_half_blocks(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    async with open_monitor(graphics=KITTY) as monitor:
        await monitor.press("2")
        await monitor.until_shown(PLACEHOLDER)
        await monitor.press("s")
        (picture,) = tmp_path.glob("screen-*.svg")
        assert PLACEHOLDER in monitor.text
    saved = picture.read_text(encoding="utf-8")
    assert "▀" in saved
    assert PLACEHOLDER not in saved
