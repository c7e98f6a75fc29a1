"""Charts drawn by plotext, as rows that can be read."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from tui_vae.charts.description import Band, CurveChart, Face, LimitLine, Line, Marks
from tui_vae.charts.drawing import PlotextMissing, draw

BLUE, FADED, GREY = (86, 180, 233), (34, 72, 93), (140, 140, 150)


def text(chart: CurveChart) -> list[str]:
    return ["".join(span.text for span in row) for row in draw(chart)]


def test_a_line_rises_through_its_chart() -> None:
    line = Line(np.array([0.0, 10.0]), np.array([0.0, 1.0]), BLUE)
    chart = CurveChart(15, 6, (0, 10), (0, 1), ((0, "0"), (10, "10")), ((0, "0"), (1, "1")), lines=(line,))
    assert text(chart) == [
        "   1┤       ⢀⠔⠉",
        "    │     ⡠⠒⠁  ",
        "    │  ⢀⠤⠊     ",
        "   0┤⣀⠔⠁       ",
        "    └┬────────┬",
        "     0       10",
    ]


def test_where_a_line_crosses_a_band_the_band_stays_behind_it() -> None:
    x = np.linspace(0, 10, 20)
    band = Band(x, np.full(20, -5.0), np.full(20, 5.0), FADED)
    line = Line(np.array([0.0, 10.0]), np.array([0.6, 0.6]), BLUE)
    rows = draw(CurveChart(15, 6, (0, 10), (0, 1), bands=(band,), lines=(line,), axis=GREY))
    assert rows[0] == (("    │", GREY, None), (" " * 10, None, FADED))
    assert rows[1] == (("    │", GREY, None), ("⠤" * 10, BLUE, FADED))


def test_a_band_fills_halves_of_cells_from_its_least_to_its_greatest() -> None:
    x = np.linspace(5, 95, 10)
    band = Band(x, np.repeat([0.0, 0.3], 5), np.repeat([0.6, 0.8], 5), FADED)
    chart = CurveChart(15, 7, (0, 100), (0, 1), bands=(band,), axis=GREY)
    cells = ["".join(span.text if span.background is None else "█" * len(span.text) for span in r) for r in draw(chart)]
    assert cells[:5] == [
        "    │     ▄▄▄▄▄",
        "    │▄▄▄▄▄█████",
        "    │██████████",
        "    │█████▀▀▀▀▀",
        "    │█████     ",
    ]


@pytest.mark.parametrize(("face", "inside", "around"), [(Face.SHADES, "░", "⠤"), (Face.ASCII, ".", "o")])
def test_where_there_are_few_colours_bands_are_shaded(face: Face, inside: str, around: str) -> None:
    x = np.linspace(5, 95, 10)
    band, line = Band(x, x * 0, x * 0 + 1, FADED), Line(x, x * 0 + 0.5, BLUE, "o")
    rows = text(CurveChart(15, 7, (0, 100), (0, 1), bands=(band,), lines=(line,), face=face))
    assert rows[0][5:] == inside * 10
    assert around in rows[2]
    assert rows[2].isascii() or face is not Face.ASCII or "│" in rows[2]


def test_a_band_is_interrupted_where_it_is_not_finite() -> None:
    x = np.linspace(5, 95, 10)
    high = np.where(np.arange(10) == 4, np.nan, 1.0)
    (row, *_) = draw(CurveChart(15, 7, (0, 100), (0, 1), bands=(Band(x, x * 0, high, FADED),), axis=GREY))
    assert row[1:] == ((" " * 4, None, FADED), (" ", None, None), (" " * 5, None, FADED))


def test_a_limit_says_what_it_is_where_no_curve_is() -> None:
    line = Line(np.array([0.0, 100.0]), np.array([0.6, 0.6]), BLUE)
    chart = CurveChart(45, 8, (0, 100), (0, 1), lines=(line,), limits=(LimitLine(0.5, "exact limit 7", GREY),))
    rows = text(chart)
    assert rows[3][5:] == "⠉" * 40
    assert rows[4][5:].rstrip() == " exact limit 7"
    narrow = dataclasses.replace(chart, columns=35)
    assert text(narrow)[4][5:].rstrip() == " limit 7"
    crowded = dataclasses.replace(chart, lines=(*chart.lines, dataclasses.replace(line, y=line.y - 0.3)))
    assert not any("limit" in row for row in text(crowded))


def test_an_exact_mark_is_dots_at_its_height_and_the_last_the_sign_of_its_curve() -> None:
    marks = Marks(np.array([15.0, 55.0, 95.0]), np.array([0.51, 0.61, 0.51]), BLUE, "●", exact=True)
    rows = text(CurveChart(15, 7, (0, 100), (0, 1), marks=(marks,)))
    assert [row[5:] for row in rows[:5]] == ["          ", "     ⣤    ", " ⠿   ⠉   ●", "          ", "          "]


@pytest.mark.parametrize("face", Face)
@pytest.mark.parametrize(("columns", "rows"), [(0, 0), (3, 9), (9, 3), (8, 4), (40, 4), (300, 90), (10_000, 31)])
def test_a_picture_has_the_size_that_was_asked_for(face: Face, columns: int, rows: int) -> None:
    x = np.linspace(0, 10, 20)
    marks = Marks(x, x, BLUE, "●")
    picture = draw(
        CurveChart(columns, rows, (0, 10), (0, 10), y_ticks=((5, "a long label"),), marks=(marks,), face=face)
    )
    assert len(picture) == rows
    assert {sum(len(span.text) for span in row) for row in picture} <= {columns}


def test_without_plotext_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotext", None)
    with pytest.raises(PlotextMissing, match=r"^curves need plotext .*pip install") as caught:
        draw(CurveChart(20, 10, (0, 1), (0, 1), lines=(Line(np.zeros(1), np.zeros(1), GREY, "+"),)))
    assert "\n" not in str(caught.value)
