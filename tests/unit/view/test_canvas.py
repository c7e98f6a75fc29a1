"""Lines and marks in character cells."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.canvas import Canvas, line_dots

BLUE, ORANGE = (86, 180, 233), (240, 160, 40)
any_place = st.floats(-50, 100) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300])
points = st.lists(st.tuples(any_place, any_place), min_size=1, max_size=12)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def text(canvas: Canvas) -> list[str]:
    return ["".join(part for part, _ in row) for row in canvas.lines()]


def dots(*path: tuple[float, float], size: tuple[int, int] = (8, 8)) -> set[tuple[int, int]]:
    x, y = (np.array(values, dtype=float) for values in zip(*path, strict=True))
    return set(zip(*(values.tolist() for values in line_dots(x, y, *size)), strict=True))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([(0, 0), (3, 0)], {(0, 0), (1, 0), (2, 0), (3, 0)}),
        ([(2, 1), (2, 4)], {(2, 1), (2, 2), (2, 3), (2, 4)}),
        ([(0, 0), (3, 3)], {(0, 0), (1, 1), (2, 2), (3, 3)}),
        ([(5, 5)], {(5, 5)}),
        ([(0, 0), (math.nan, 1), (2, 2), (2, math.inf), (4, 4), (5, 4)], {(0, 0), (2, 2), (4, 4), (5, 4)}),
        ([(3, -1e300), (3, 1e300)], {(3, row) for row in range(8)}),
        ([(-100, 4), (100, 4)], {(column, 4) for column in range(8)}),
        ([(-4, -4), (12, 12)], {(place, place) for place in range(8)}),
        ([(-4, 20), (12, 20)], set()),
        ([(0, 9), (9, 20)], set()),
    ],
)
def test_the_dots_of_a_line(path: list[tuple[float, float]], expected: set[tuple[int, int]]) -> None:
    assert dots(*path) == expected


@given(points)
def test_dots_are_inside_and_every_point_that_is_inside_has_one(path: list[tuple[float, float]]) -> None:
    found = dots(*path, size=(20, 10))
    assert all(0 <= column < 20 and 0 <= row < 10 for column, row in found)
    for x, y in path:
        if 0 <= x <= 19 and 0 <= y <= 9:
            assert min(max(abs(x - column), abs(y - row)) for column, row in found) <= 0.5 + 1e-6


@given(points)
def test_a_line_is_connected_between_points_inside(path: list[tuple[float, float]]) -> None:
    (x0, y0), (x1, y1) = (5.0, 3.0), tuple(min(max(v if math.isfinite(v) else 0.0, 0.0), 9.0) for v in path[0])
    found = dots((x0, y0), (x1, y1), size=(10, 10))
    reached, edge = {(5, 3)}, [(5, 3)]
    while edge:
        column, row = edge.pop()
        near = {(column + a, row + b) for a in (-1, 0, 1) for b in (-1, 0, 1)} & found - reached
        reached |= near
        edge += near
    assert reached == found


def test_corners_of_the_canvas_are_its_outermost_dots() -> None:
    canvas = Canvas(3, 2)
    canvas.line(array(0, math.nan, 1), array(0, math.nan, 1), BLUE)
    assert text(canvas) == ["  ⠈", "⡀  "]


def test_lines_share_a_cell_in_the_colour_of_the_last_and_marks_lie_above() -> None:
    canvas = Canvas(1, 1)
    canvas.line(array(0), array(0), BLUE)
    canvas.line(array(1), array(1), ORANGE)
    assert canvas.lines() == [[("⡈", ORANGE)]]
    canvas.marks(array(0.5), array(0.5), "●", BLUE)
    assert canvas.lines() == [[("●", BLUE)]]
    canvas.line(array(0), array(0), ORANGE)
    assert canvas.lines() == [[("⡀", ORANGE)]]


def test_marks_outside_or_not_finite_are_left_out() -> None:
    canvas = Canvas(4, 1)
    canvas.marks(array(-0.1, 1.1, 0.5, math.nan, 0.0), array(0.5, 0.5, math.nan, 0.5, 1.0), "x", BLUE)
    assert text(canvas) == ["x   "]


def test_a_mark_lies_on_the_line_through_its_point() -> None:
    for place in np.linspace(0, 1, 57):
        line, mark = Canvas(10, 6), Canvas(10, 6)
        line.line(array(place), array(place), BLUE)
        mark.marks(array(place), array(place), "x", BLUE)
        assert [row.replace("x", "#") for row in text(mark)] == [
            "".join("#" if cell != " " else " " for cell in row) for row in text(line)
        ]


def test_a_row_across_is_drawn_when_it_is_inside() -> None:
    canvas = Canvas(3, 2)
    canvas.across(1.5, "─", BLUE)
    assert text(canvas) == ["   ", "   "]
    canvas.across(0.0, "─", BLUE)
    assert text(canvas) == ["   ", "───"]


def test_cells_of_one_colour_are_one_run() -> None:
    canvas = Canvas(5, 1)
    canvas.marks(array(0, 0.25), array(0, 0), "a", BLUE)
    canvas.marks(array(0.5, 0.75), array(0, 0), "b", ORANGE)
    assert canvas.lines() == [[("aa", BLUE), ("bb", ORANGE), (" ", None)]]
