"""What is given to plotext: lines cut where they leave, and nothing that ends the process."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.charts.drawing_process import DrawingProcess
from tui_vae.charts.description import Band, CurveChart, Face, LimitLine, Line, Marks
from tui_vae.charts.plotter import fractions, path, plain_text, points, sound_range
from tui_vae.view.series import FloatArray

NAN, INF = math.nan, math.inf


def array(*values: float) -> FloatArray:
    return np.array(values, dtype=float)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0.0, 1.0), (0.0, 1.0)),
        ((-1e-300, 1e-300), (-1e-300, 1e-300)),
        ((-INF, INF), (-1e307, 1e307)),
    ],
)
def test_a_range_that_can_be_drawn_stays(span: tuple[float, float], expected: tuple[float, float]) -> None:
    assert sound_range(span) == expected


@pytest.mark.parametrize(
    "span", [(NAN, 1.0), (5.0, 5.0), (5.0, 4.0), (0.0, 0.0), (1e16, 1e16 + 2), (INF, INF), (NAN, NAN)]
)
def test_any_range_becomes_finite_and_not_empty(span: tuple[float, float]) -> None:
    low, high = sound_range(span)
    assert math.isfinite(high - low)
    assert high > low
    assert 0 <= fractions(array((low + high) / 2), (low, high))[0] <= 1


def test_values_become_parts_of_a_range() -> None:
    assert fractions(array(10, 15, 20, 0), (10, 20)).tolist() == [0, 0.5, 1, -1]
    parts = fractions(array(NAN, INF, -INF, 1e308), (10, 20))
    assert np.isnan(parts[:3]).all()
    assert math.isfinite(parts[3])


@pytest.mark.parametrize(
    ("line", "expected", "connected"),
    [
        ([(0, 0), (0.5, 1), (1, 0)], [(0, 0), (0.5, 1), (1, 0)], [1, 2]),
        ([(0, 0), (NAN, 1), (0.2, 0.2), (0.3, 0.3)], [(0.2, 0.2), (0.3, 0.3), (0, 0)], [1]),
        ([(0.5, 0.5)], [(0.5, 0.5)], []),
        ([], [], []),
        ([(5, 5)], [], []),
        ([(5, 5), (6, 6)], [], []),
        ([(0, 0), (0, 1000)], [(0, 0), (0, 1)], [1]),
        ([(-1000, 0.5), (1000, 0.5)], [(0, 0.5), (1, 0.5)], [1]),
        ([(-1, 0), (1, 1), (3, 0)], [(0, 0.5), (1, 1), (1, 1)], [1, 2]),
        ([(0, 0), (10, 10), (0, 20)], [(0, 0), (1, 1)], [1]),
        ([(0, 0), (0, 100), (1, 100), (1, 0)], [(0, 0), (0, 1), (1, 1), (1, 0)], [1, 3]),
    ],
)
def test_a_line_is_cut_where_it_leaves(
    line: list[tuple[float, float]], expected: list[tuple[float, float]], connected: list[int]
) -> None:
    cut = path(array(*(x for x, _ in line)), array(*(y for _, y in line)))
    assert pytest.approx(np.array(expected).reshape(-1, 2)) == np.array([cut.x, cut.y]).T
    assert cut.connected == connected


def test_single_points_outside_are_left_out() -> None:
    kept = points(array(0, 1, 1.1, 0.5, NAN), array(0, 1, 0.5, -0.1, 0.5))
    assert (kept.x, kept.y, kept.connected) == ([0, 1], [0, 1], [])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("12.5k", "12.5k"),
        ("−3 ● é", "−3 ● é"),
        ("\x1b[2J\n", "?[2J?"),
        ("漢e\u0301\u200b", "?e??"),
        ("🜀🛠x", "??x"),
        ("", "?"),
        ("a" * 99, "a" * 16),
    ],
)
def test_a_text_takes_one_cell_a_character(text: str, plain: str) -> None:
    assert plain_text(text, 16) == plain


# Any chart at all

EXTREMES = [NAN, INF, -INF, 0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1e-300, 2.0**31, 1e16]
numbers = st.floats(-50, 150) | st.sampled_from(EXTREMES) | st.floats()
ranges = st.just((0.0, 100.0)) | st.tuples(numbers, numbers) | numbers.map(lambda value: (value, value))
labels = st.sampled_from(["\x1b[2J\x1b[31m", "heart", "hd", "braille", "\n\r\t", "漢字", "", " ", "100"]) | st.text(
    max_size=30
)
ticks = st.lists(st.tuples(numbers, labels), max_size=12).map(tuple)
colours = st.none() | st.integers(0, 15) | st.tuples(*[st.integers(0, 255)] * 3)
sizes = st.one_of(*[st.integers(-2, 40)] * 12, st.sampled_from([-(10**9), 300, 10**4]))


def arrays(count: int) -> st.SearchStrategy[tuple[FloatArray, ...]]:
    """So many arrays of one length: short ones of anything, or long ones that repeat a few values."""
    few = st.lists(st.tuples(*[numbers] * count), max_size=12)
    many = st.tuples(few, st.integers(1, 60)).map(lambda pair: pair[0] * pair[1])
    return (few | many).map(lambda found: tuple(np.array(found, dtype=float).reshape(-1, count).T))


charts = st.builds(
    CurveChart,
    columns=sizes,
    rows=sizes,
    x_range=ranges,
    y_range=ranges,
    x_ticks=ticks,
    y_ticks=ticks,
    bands=st.lists(st.builds(lambda xs, c: Band(xs[0], xs[1], xs[2], c), arrays(3), colours), max_size=3).map(tuple),
    lines=st.lists(st.builds(lambda xs, c, s: Line(xs[0], xs[1], c, s), arrays(2), colours, labels), max_size=6).map(
        tuple
    ),
    marks=st.lists(
        st.builds(lambda xs, c, s, e: Marks(xs[0], xs[1], c, s, e), arrays(2), colours, labels, st.booleans()),
        max_size=4,
    ).map(tuple),
    limits=st.lists(st.builds(LimitLine, numbers, labels, colours), max_size=2).map(tuple),
    axis=colours,
    grid=colours,
    face=st.sampled_from(Face),
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrawingProcess]:
    process = DrawingProcess(tmp_path_factory.mktemp("drawing"))
    yield process
    process.end()


@given(charts)
def test_no_chart_ends_the_process_or_prints_anything(elsewhere: DrawingProcess, chart: CurveChart) -> None:
    rows, widths = elsewhere.draw(chart)
    assert rows == max(0, chart.rows)
    assert widths == ({max(0, chart.columns)} if rows else frozenset())
    assert elsewhere.printed == b""


def test_memory_is_bounded_however_often_lines_cross_a_high_chart(elsewhere: DrawingProcess) -> None:
    x = np.linspace(0, 100, 800)
    lines = tuple(Line(x, np.tile([0.0, 1.0], 400), None, "+") for _ in range(8))
    chart = CurveChart(30, 10**4, (0, 100), (0, 1), lines=lines)
    assert elsewhere.draw(chart) == (10**4, {30})
    assert elsewhere.printed == b""
