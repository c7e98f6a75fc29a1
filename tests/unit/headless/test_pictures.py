"""Grids of images as text: whole at any width, in half blocks, or in ASCII where those cannot be shown."""

from __future__ import annotations

import io
import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tui_vae.headless.pictures import arrange, print_picture
from tui_vae.metrics import Picture
from tui_vae.view.image_cells import UPPER_HALF, ascii_shades, shrunk

Pixels = npt.NDArray[np.uint8]


def picture(rows: tuple[str, ...], columns: tuple[str, ...], title: str = "prior means") -> Picture:
    return Picture("kind", title, "pictures/kind.png", rows, columns)


def noise(rows: int, columns: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (28 * rows, 28 * columns), dtype=np.uint8)


def printed(
    shown: Picture, pixels: Pixels, width: int, *, colour: str | None = "truecolor", ascii_only: bool = False
) -> list[str]:
    """The lines on a terminal, with escape sequences where it has colours."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour is not None, color_system=colour, no_color=False
    )
    print_picture(console, shown, pixels, ascii_only=ascii_only)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().split("\n")[:-1]


def plain(lines: list[str]) -> list[str]:
    return [Text.from_ansi(line).plain for line in lines]


@given(st.integers(1, 30), st.integers(0, 20), st.integers(28, 300))
def test_a_grid_is_arranged_within_the_width_with_the_fewest_bands(columns: int, label: int, width: int) -> None:
    layout = arrange(columns, label, width)
    assert 1 <= layout.columns <= columns
    assert layout.columns * layout.image_width + layout.label_width <= width
    assert layout.label_width in {0, label + 1}
    bands = -(-columns // layout.columns)
    if bands > 1:
        wider = -(-columns // (bands - 1))
        assert wider * (28 // 3) > width


def test_arrangements_of_usual_grids() -> None:
    assert arrange(10, 8, 300).factor == 1
    assert (arrange(10, 8, 140).factor, arrange(10, 8, 140).columns, arrange(10, 8, 140).label_width) == (2, 10, 0)
    assert (arrange(9, 8, 140).factor, arrange(9, 8, 140).label_width) == (2, 9)
    assert (arrange(10, 8, 80).factor, arrange(10, 8, 80).columns, arrange(10, 8, 80).label_width) == (2, 5, 9)
    assert arrange(10, 8, 5).columns == 1


@pytest.mark.parametrize("width", [30, 40, 80, 140, 300])
@pytest.mark.parametrize("colour", ["truecolor", None])
def test_every_label_is_there_and_no_line_is_too_wide(width: int, colour: str | None) -> None:
    rows, columns = ("t = 0", "t = 1000"), tuple(str(column) for column in range(10))
    lines = plain(printed(picture(rows, columns), noise(2, 10), width, colour=colour))
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    layout = arrange(10, 8, width)
    bands = -(-10 // layout.columns)
    assert lines[0] == "prior means"
    assert text.count("t = 0") == text.count("t = 1000") == bands
    heads = [line.split() for line in lines if re.fullmatch(r"[0-9 ]+", line) and line.strip()]
    assert [label for head in heads for label in head] == list(columns)


def test_column_labels_stand_above_their_images_or_not_at_all() -> None:
    fitting = plain(printed(picture(("a",), ("-3", "0", "3")), noise(1, 3), 44))
    head = fitting[1]
    assert [head.index(label) // 14 for label in ("-3", "0", " 3")] == [0, 1, 2]
    too_long = plain(printed(picture(("a",), ("a label of 22 columns.", "0", "3")), noise(1, 3), 44))
    assert "label of" not in "\n".join(too_long)
    assert "\n".join(plain(printed(picture(("a",), ("",) * 3), noise(1, 3), 44))).count("a") == 2  # title and row


def colours(line: str) -> list[tuple[int, int]]:
    """Grey of the upper and the lower half of each cell of a line."""
    found: list[tuple[int, int]] = []
    for upper, lower, cells in re.findall(rf"\x1b\[38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m({UPPER_HALF}+)\x1b\[0m", line):
        found += [(int(upper), int(lower))] * len(cells)
    return found


def test_half_blocks_have_the_greys_of_the_pixels() -> None:
    pixels = noise(1, 2)
    pixels[:6] = 0  # neighbours of one look are one piece
    lines = printed(picture(("a",), ("", "")), pixels, 60)
    assert lines[1].count("\x1b[38") == 2  # one of each image
    cells = np.array([colours(line) for line in lines[1:15]])
    np.testing.assert_array_equal(cells[:, :, 0], pixels[::2])
    np.testing.assert_array_equal(cells[:, :, 1], pixels[1::2])


def test_each_image_is_shrunk_on_its_own() -> None:
    """28 is no multiple of 3: what is left over must not move the next image."""
    pixels = noise(1, 10)
    lines = printed(picture(("",), ("",) * 10), pixels, 90)
    cells = np.array([colours(line) for line in lines[1:6]])
    assert cells.shape == (5, 90, 2)
    for column in range(10):
        small = shrunk(pixels[:, 28 * column : 28 * (column + 1)], 3)
        np.testing.assert_array_equal(cells[:, 9 * column : 9 * (column + 1), 0], small[::2])


@pytest.mark.parametrize(("colour", "ascii_only"), [(None, False), ("truecolor", True)])
def test_without_colours_or_unicode_there_are_shades_of_ascii(colour: str | None, ascii_only: bool) -> None:
    pixels = noise(1, 1)
    lines = printed(picture(("",), ("",), "means"), pixels, 30, colour=colour, ascii_only=ascii_only)
    assert plain(lines)[1:15] == [line.rstrip() if not line.strip() else line for line in ascii_shades(pixels)]
    assert all(line.isascii() for line in lines)


def test_no_color_is_heeded() -> None:
    console = Console(file=io.StringIO(), width=30, force_terminal=True, color_system="truecolor", no_color=True)
    print_picture(console, picture(("",), ("",)), noise(1, 1), ascii_only=False)
    assert isinstance(console.file, io.StringIO)
    assert UPPER_HALF not in console.file.getvalue()


def test_a_file_of_another_size_is_said_to_be_one() -> None:
    for pixels in (noise(1, 3), noise(2, 2)[:-1], np.zeros((0, 0), dtype=np.uint8)):
        lines = plain(printed(picture(("a", "b"), ("", "")), pixels, 80))
        assert lines[0] == "prior means"
        assert "does not hold the images" in lines[1]
        assert len(lines) == 2


def test_labels_of_strangers_do_nothing_to_the_terminal() -> None:
    hostile = picture(("\x1b[2Jrow",), ("\x1b]0;x\x07",), "[red]title[/red]\x1b[31m")
    text = "\n".join(printed(hostile, noise(1, 1), 100))
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
    assert "\x1b[31m" not in text
    assert "[red]title[/red]\\x1b" in Text.from_ansi(text).plain
