"""Charts drawn by plotext, as rows that can be read."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tui_vae.charts.description import Band, CurveChart, Face, Line, Marks
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
