"""Sixels in the place of cells that stand for pictures: what a terminal shows of the text that it gets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.sixel_screen import Colours, SixelScreen
from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_evaluation import evaluated_run
from tests.tui.recorded_run import checkpoint, recorded_run, sheet
from tui_vae.config import IMAGE_SIDE
from tui_vae.tui.graphics.images import TerminalImages, half_block_lines
from tui_vae.tui.graphics.kitty import PLACEHOLDER
from tui_vae.tui.graphics.sixel import SixelGraphics
from tui_vae.view.image_cells import Pixels
from tui_vae.view.terminal_probe import CellSize, Graphics

CELL = CellSize(6, 13)
COLUMNS, LINES = 40, 12
SCALE = 0.5
WIDE, HIGH = IMAGE_SIDE // 2, IMAGE_SIDE // 4
"""The box of a digit at that scale, in cells."""
TOLERANCE = 255 / 15 / 2 + 2
RED = Style.parse("on #ff0000")


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (IMAGE_SIDE, IMAGE_SIDE), dtype=np.uint8)


def images(cell: CellSize = CELL) -> TerminalImages:
    return TerminalImages(SixelGraphics(lambda: cell))


def rendered(*lines: list[Segment], top: int = 0, left: int = 0) -> str:
    """As the library writes strips, each at its place."""
    console = Console(color_system="truecolor", force_terminal=True)
    return "".join(f"\x1b[{top + y + 1};{left + 1}H{Strip(line).render(console)}" for y, line in enumerate(lines))


def stretched(image: Pixels, width: int, height: int) -> Pixels:
    """The image at a size in pixels, each that of the original that is under its middle."""
    rows = ((np.arange(height) + 0.5) * image.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * image.shape[1] / width).astype(int)
    taken: Pixels = image[rows][:, columns]
    return taken


def shows(pixels: Colours, image: Pixels) -> bool:
    assert pixels.shape[:2] == image.shape
    return bool(np.abs(pixels - image[..., None].astype(int)).max() <= TOLERANCE)


@pytest.mark.parametrize("cell", [CellSize(6, 13), CellSize(10, 20), CellSize(9, 18), CellSize(7, 15)], ids=str)
@pytest.mark.parametrize(("scale", "wide", "high"), [(1 / 2, 14, 7), (1 / 3, 9, 5)])
def test_a_picture_fills_its_box(cell: CellSize, scale: float, wide: int, high: int) -> None:
    terminal, screen = images(cell), SixelScreen(COLUMNS, 20, cell)
    screen.feed(terminal.written(rendered(*terminal.draw()(noise(1), scale), top=2, left=3)))
    assert screen.pictures == high, "one for each line"
    box = screen.pixels[2 * cell.height : (2 + high) * cell.height, 3 * cell.width : (3 + wide) * cell.width]
    assert shows(box, stretched(noise(1), wide * cell.width, high * cell.height))
    screen.pixels[2 * cell.height : (2 + high) * cell.height, 3 * cell.width : (3 + wide) * cell.width] = 0
    assert not screen.pixels.any(), "and nothing else"


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_picture_of_which_half_blocks_show_every_pixel_is_drawn_by_those(scale: float) -> None:
    assert images().draw()(noise(1), scale) == half_block_lines(noise(1), scale)


def test_what_is_cut_off_of_a_line_is_not_drawn_and_the_rest_is_in_its_place() -> None:
    terminal = images()
    lines = terminal.draw()(noise(2), SCALE)
    whole = stretched(noise(2), WIDE * CELL.width, HIGH * CELL.height)
    for left, right in itertools.combinations(range(WIDE + 1), 2):
        screen = SixelScreen(COLUMNS, LINES, CELL)
        cut = [list(Strip(line).crop(left, right)) for line in lines[2:5]]
        screen.feed(terminal.written(rendered(*cut)))
        shown = screen.pixels[: 3 * CELL.height, : (right - left) * CELL.width]
        assert shows(shown, whole[2 * CELL.height : 5 * CELL.height, left * CELL.width : right * CELL.width])


def test_text_before_between_and_after_pictures_stays_where_it_was() -> None:
    terminal, screen = images(), SixelScreen(COLUMNS, LINES, CELL)
    draw = terminal.draw()
    rows = zip(draw(noise(3), SCALE), draw(noise(4), SCALE), strict=True)
    lines = [[Segment("ab"), *one, Segment("|", RED), *two, Segment("cd", RED)] for one, two in rows]
    screen.feed(terminal.written(rendered(*lines)))
    first, second = (stretched(noise(seed), WIDE * CELL.width, HIGH * CELL.height) for seed in (3, 4))
    for line in range(HIGH):
        assert "".join(screen.text[line]).rstrip() == f"ab{' ' * WIDE}|{' ' * WIDE}cd"
        strip = slice(line * CELL.height, (line + 1) * CELL.height)
        assert shows(screen.cells(line, 2, WIDE), first[strip])
        assert shows(screen.cells(line, 3 + WIDE, WIDE), second[strip])
        for column, width in ((2 + WIDE, 1), (3 + 2 * WIDE, 2)):
            assert (screen.cells(line, column, width) == (255, 0, 0)).all()


def test_pictures_without_a_gap_are_told_apart() -> None:
    terminal, screen = images(), SixelScreen(COLUMNS, LINES, CELL)
    draw = terminal.draw()
    one, two = draw(noise(3), SCALE), draw(noise(4), SCALE)
    cut = [[*Strip(first).crop(0, 5), *second, *first] for first, second in zip(one, two, strict=True)]
    screen.feed(terminal.written(rendered(*cut)))
    wide, high = WIDE * CELL.width, HIGH * CELL.height
    wanted = [stretched(noise(3), wide, high)[:, : 5 * CELL.width], *(stretched(noise(s), wide, high) for s in (4, 3))]
    assert shows(screen.pixels[:high, : (2 * WIDE + 5) * CELL.width], np.hstack(wanted))
    assert screen.pictures == 3 * HIGH


def test_the_last_columns_of_the_screen_can_have_a_picture() -> None:
    terminal, screen = images(), SixelScreen(WIDE, LINES, CELL)
    lines = terminal.draw()(noise(5), SCALE)
    screen.feed(terminal.written(rendered(*lines)))
    assert shows(screen.pixels[: HIGH * CELL.height], stretched(noise(5), WIDE * CELL.width, HIGH * CELL.height))


@pytest.mark.parametrize("mixed", [True, False], ids=["another colour", "given up"])
def test_a_number_that_is_not_known_is_blank_and_as_light(mixed: bool) -> None:
    terminal, screen = images(), SixelScreen(COLUMNS, LINES, CELL)
    lines = terminal.draw()(np.full((IMAGE_SIDE, IMAGE_SIDE), 250, dtype=np.uint8), SCALE)
    if mixed:
        lines = [[Segment(text, Style.parse("#403020 on #606060")) for text, _, _ in line] for line in lines]
    else:
        terminal.unregister_all()
    screen.feed(terminal.written(rendered(*lines)))
    shown = screen.pixels[: HIGH * CELL.height, : WIDE * CELL.width]
    assert screen.pictures == 0
    assert (shown == shown[0, 0]).all()
    assert shown[0, 0].tolist() == [0x60] * 3 if mixed else shown[0, 0].min() > 200


def test_text_erases_what_lies_below_it_and_a_picture_erases_text() -> None:
    terminal, screen = images(), SixelScreen(COLUMNS, LINES, CELL)
    lines = terminal.draw()(noise(6), SCALE)
    screen.feed(rendered([Segment("x" * COLUMNS, RED)]))
    screen.feed(terminal.written(rendered(*lines)))
    assert "".join(screen.text[0]) == " " * WIDE + "x" * (COLUMNS - WIDE)
    screen.feed(terminal.written(rendered([Segment("hello", RED)], top=3, left=2)))
    assert (screen.cells(3, 2, 5) == (255, 0, 0)).all()


def test_with_another_font_it_is_drawn_for_that() -> None:
    size = CellSize(6, 13)
    terminal = TerminalImages(SixelGraphics(lambda: size))
    text = rendered(*terminal.draw()(noise(7), SCALE))
    before = terminal.written(text)
    assert terminal.written(text) == before
    size = CellSize(10, 20)
    screen = SixelScreen(COLUMNS, LINES, size)
    screen.feed(terminal.written(text))
    assert shows(screen.pixels[: HIGH * 20, : WIDE * 10], stretched(noise(7), WIDE * 10, HIGH * 20))


def test_text_alone_is_left_as_it_is() -> None:
    text = "\x1b[38;2;128;0;1;48;2;0;0;0mnothing of it\x1b[0m\x1b[2J"
    assert images().written(text) is text


def screen_of(monitor: Monitor) -> SixelScreen:
    """What a terminal shows of the whole screen."""
    assert monitor.app.output.images is not None
    strips = monitor.strips
    screen = SixelScreen(strips[0].cell_length, len(strips), CELL)
    screen.feed(monitor.app.output.images.written(rendered(*map(list, strips))))
    return screen


@pytest.fixture(autouse=True)
def _a_terminal_of_that_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_vae.tui.terminal.output.cell_size", lambda descriptor: CELL)


async def test_digits_are_the_samples_of_the_run(open_monitor: OpenMonitor) -> None:
    async with open_monitor(graphics=Graphics("sixel")) as monitor:
        await monitor.press("2")
        await monitor.until_shown(PLACEHOLDER)
        tiles = [
            tile
            for file in monitor.source.pictures_read
            for row in np.split(sheet(file), sheet(file).shape[0] // IMAGE_SIDE)
            for tile in np.split(row, row.shape[1] // IMAGE_SIDE, axis=1)
        ]
        screen = screen_of(monitor)
        line = next(y for y, text in enumerate(monitor.lines) if PLACEHOLDER in text)
        before = monitor.strips[line]
        column = next(x for x in range(140) if PLACEHOLDER in before.crop(x, x + 1).text)
        wide = next(w for w in range(1, 140) if PLACEHOLDER not in before.crop(column + w, column + w + 1).text)
        shown = screen.cells(line, column, wide)
        assert screen.pictures >= 8
        # Its first lines may lie below a label.
        assert any(
            shows(shown, stretched(tile, wide * CELL.width, wide // 2 * CELL.height)[top : top + CELL.height])
            for tile in tiles
            for top in (0, CELL.height)
        )


@pytest.mark.parametrize(
    "size",
    [(80, 24), *(pytest.param(size, marks=pytest.mark.long) for size in ((40, 12), (140, 45)))],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
async def test_no_page_has_a_picture_on_the_last_line(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    events = [*recorded_run(), *evaluated_run(), checkpoint("baseline", 6)]
    async with open_monitor(events, size=size, graphics=Graphics("sixel")) as monitor:
        seen = 0
        for keys in ("1", "2", "2v", "4", "3z"):
            await monitor.press(*keys)
            seen += screen_of(monitor).pictures  # it refuses them on its last line
            await monitor.press("escape")
        await monitor.press("2", "tab", "enter")
        seen += screen_of(monitor).pictures
        assert seen > 0
