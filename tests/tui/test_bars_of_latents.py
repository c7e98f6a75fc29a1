"""Bars as character cells: every height in eighths, marks of theory, labels of both axes."""

from __future__ import annotations

import numpy as np
import pytest
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip

from tui_vae.tui.widgets.cell_charts import draw_bars
from tui_vae.tui.widgets.chart_data import Bars, ChartData
from tui_vae.view.sanitize import to_ascii

EIGHTHS = " ▁▂▃▄▅▆▇█"
BLUE = (86, 180, 233)


def drawn(
    heights: list[float],
    size: tuple[int, int],
    *,
    high: float = 8.0,
    expected: list[float] | None = None,
    ascii_only: bool = False,
    y_ticks: tuple[tuple[float, str], ...] = ((0.0, "0"), (4.0, "4")),
) -> list[Strip]:
    bars = Bars(np.array(heights), BLUE, None if expected is None else np.array(expected))
    ticks = tuple((float(index), str(index + 1)) for index in range(0, len(heights), 5))
    data = ChartData(Text(), Text(), (0.0, float(len(heights))), (0.0, high), ticks, y_ticks, bars=bars)
    return draw_bars(data, bars, Size(*size), ascii_only=ascii_only)


def cells(strips: list[Strip]) -> list[str]:
    """The rows between the axes, from the bottom up, without the labels of y."""
    return [strip.text[2:] for strip in reversed(strips[:-2])]


@pytest.mark.parametrize("size", [(20, 10), (42, 10), (80, 24), (3, 3), (7, 5), (300, 90)])
def test_the_strips_have_the_size_asked_for(size: tuple[int, int]) -> None:
    strips = drawn([1.0, 2.0, 3.0], size)
    assert len(strips) == size[1]
    assert {strip.cell_length for strip in strips} == {size[0]}


@pytest.mark.parametrize("eighths", range(65))
def test_a_bar_is_as_high_as_its_value_in_eighths_of_a_cell(eighths: int) -> None:
    rows = cells(drawn([eighths / 8], (12, 10)))
    column = [row[0] for row in rows]
    assert sum(EIGHTHS.index(cell) for cell in column) == eighths
    full, rest = divmod(eighths, 8)
    assert "".join(column).rstrip() == ("█" * full + EIGHTHS[rest]).rstrip()


def test_wide_bars_have_gaps_and_narrow_ones_fill_the_width() -> None:
    assert cells(drawn([8.0] * 5, (22, 10)))[0] == "███ " * 5
    assert cells(drawn([8.0] * 9, (22, 10)))[0] == "█" * 20


def test_when_there_are_more_bars_than_columns_they_are_picked_evenly() -> None:
    heights = [8.0 if index < 50 else 0.0 for index in range(100)]
    row = cells(drawn(heights, (22, 10)))[0]
    assert row == "█" * 10 + " " * 10


@pytest.mark.parametrize("row", range(8))
def test_a_mark_of_theory_stands_in_the_row_of_its_value(row: int) -> None:
    rows = cells(drawn([3.0], (12, 10), expected=[row + 0.5]))
    assert [index for index, text in enumerate(rows) if "━" in text] == [row]


def test_a_mark_within_a_bar_does_not_cut_a_hole_into_it() -> None:
    strips = drawn([8.0], (12, 10), expected=[3.5])
    mark = next(segment for strip in strips for segment in strip if "━" in segment.text)
    assert mark.style is not None
    assert mark.style.bgcolor is not None
    assert tuple(mark.style.bgcolor.get_truecolor()) == BLUE


def test_a_latent_that_theory_expects_to_collapse_has_no_mark() -> None:
    assert not any("━" in strip.text for strip in drawn([3.0], (12, 10), expected=[0.0]))


def test_labels_of_y_stand_in_their_rows_and_the_axis_is_marked() -> None:
    strips = drawn([1.0], (12, 10))
    assert strips[7].text.startswith("0┤")
    assert strips[3].text.startswith("4┤")
    assert strips[0].text.startswith(" │")
    assert strips[8].text.startswith(" └─")


def test_labels_of_x_begin_under_their_bars() -> None:
    strips = drawn([1.0] * 12, (50, 10))
    line = strips[-1].text[2:]
    for index in (0, 5, 10):
        assert line[4 * index :].startswith(str(index + 1))


def test_in_ascii_bars_and_axes_are_ascii() -> None:
    strips = drawn([8.0, 4.0, 0.3], (20, 10), ascii_only=True)
    assert all(strip.text.isascii() for strip in strips)
    assert cells(strips)[0].startswith("#")
    assert cells(strips)[7].startswith("#")
    assert cells(strips)[7].count("#") < cells(strips)[0].count("#")


def test_in_ascii_marks_of_theory_are_ascii_once_filtered() -> None:
    strips = drawn([1.0], (12, 10), expected=[6.5], ascii_only=True)
    assert any("-" in to_ascii(strip.text)[2:] for strip in strips[:-2])


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_smallest_sizes_break_nothing(width: int, height: int) -> None:
    for strip in drawn([1.0] * 40, (width, height)):
        assert strip.cell_length == width
