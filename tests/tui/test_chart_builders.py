"""What each chart shows, checked as plain data against a run whose numbers are known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from msgspec import structs

from tests.tui.recorded_run import (
    LIMIT,
    NAMES,
    START,
    STEPS_PER_EPOCH,
    epoch,
    known,
    model_started,
    progress,
    recorded_state,
    run_started,
)
from tui_vae.charts.curves import LOST, MOST_BANDS, CurvePlot, curve_chart
from tui_vae.charts.description import RGB, CurveChart, Line, Marks, Row, frame_of
from tui_vae.charts.metric_series import KL, LOSS, RECONSTRUCTION
from tui_vae.charts.palette import bright, faded, model_style
from tui_vae.charts.settings import X_AXES, CurveSettings
from tui_vae.events import Event
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.axis import Symlog
from tui_vae.view.series import FloatArray
from tui_vae.view.state import RunState, reduce_all

SIZE = (100, 30)
LOSS_CHART = curve_chart(LOSS)
BASELINE, DEEP = (model_style(index, ascii_only=False) for index in range(2))


def planned(state: RunState, settings: CurveSettings | None = None, size: tuple[int, int] = SIZE) -> CurvePlot:
    plot = LOSS_CHART(state, settings or CurveSettings(), *size)
    assert plot is not None
    return plot


def built(state: RunState, settings: CurveSettings | None = None, size: tuple[int, int] = SIZE) -> CurveChart:
    return planned(state, settings, size).chart


def said(row: Row) -> str:
    return "".join(span.text for span in row)


def marks(chart: CurveChart, symbol: str) -> Marks:
    (found,) = [marks for marks in chart.marks if marks.symbol == symbol]
    return found


def line(chart: CurveChart, colour: RGB) -> Line:
    (found,) = [line for line in chart.lines if line.colour == colour]
    return found


def heights(chart: CurveChart) -> list[tuple[FloatArray, FloatArray]]:
    """x and y of everything that has a place."""
    places = [(band.x, y) for band in chart.bands for y in (band.low, band.high)]
    return [*places, *((line.x, line.y) for line in chart.lines)]


def of_loss(values: list[float], steps: list[int] | None = None) -> RunState:
    """A run of one model whose loss goes through the values."""
    events: list[Event] = [run_started(["deep"]), model_started("deep", linear=False)]
    for step, value in zip(steps or range(1, len(values) + 1), values, strict=True):
        events.append(progress("deep", step, loss=value, loss_min=value, loss_max=value))
    return reduce_all(RunState(), events)


def test_there_is_no_chart_before_the_first_point() -> None:
    assert LOSS_CHART(known(), ChartSettings(), *SIZE) is None


def test_a_loss_that_was_never_finite_is_marked_and_said_so() -> None:
    plot = planned(of_loss([math.nan, math.inf]))
    assert "no finite value" in said(plot.title)
    assert marks(plot.chart, LOST).x.tolist() == [1, 2]
    assert plot.chart.x_range == (0, 2)


@pytest.mark.parametrize(
    ("axis", "x"),
    [
        ("steps", [number * STEPS_PER_EPOCH for number in range(1, 7)]),
        ("epochs", [1, 2, 3, 4, 5, 6]),
        ("time", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_held_out_marks_stand_at_the_end_of_their_epoch(axis: str, x: list[float]) -> None:
    data = built(recorded_state(), ChartSettings(x_axis=axis))
    for style, base in ((BASELINE, 280.0), (DEEP, 340.0)):
        curve = marks(data, style.marker)
        assert curve.colour == bright(style.colour)
        assert curve.x.tolist() == pytest.approx(x, abs=1e-4)
        assert curve.y.tolist() == [-(base + number) for number in range(1, 7)]


@pytest.mark.parametrize(("axis", "end"), [("steps", 600), ("epochs", 6), ("time", 6)])
def test_the_training_curve_ends_in_the_last_column(axis: str, end: float) -> None:
    plot = planned(recorded_state(), ChartSettings(x_axis=axis))
    chart = plot.chart
    assert end * (1 - 1 / frame_of(chart).columns) <= line(chart, BASELINE.colour).x[-1] <= end + 1e-4
    assert chart.x_range == (0, pytest.approx(end, abs=1e-4))
    assert all(0 <= place <= chart.x_range[1] for place, _ in chart.x_ticks)
    assert f"x: {axis}" in said(plot.legend)


def test_time_begins_when_a_model_begins() -> None:
    late = structs.replace(model_started("deep", linear=False), t=START + 50)
    state = reduce_all(RunState(), [run_started(["deep"]), late, progress("deep", 1, t=START + 52)])
    assert line(built(state, ChartSettings(x_axis="time")), BASELINE.colour).x.tolist() == pytest.approx([2])


def test_the_limit_is_a_line_at_its_negative_in_the_loss_only() -> None:
    data = built(recorded_state())
    assert [limit.y for limit in data.limits] == [-LIMIT]
    assert data.y_range[0] < -LIMIT < data.y_range[1]
    for quantity in (RECONSTRUCTION, KL):
        other = curve_chart(quantity)(recorded_state(), ChartSettings(), *SIZE)
        assert other is not None
        assert other.chart.limits == ()


def test_a_limit_far_below_the_curves_is_inside_the_range() -> None:
    started = model_started("deep", linear=True)
    assert started.limit is not None
    far = structs.replace(started, resumed_at_step=3, limit=dataclasses.replace(started.limit, held_out=5000.0))
    data = built(reduce_all(of_loss([1.0, 2.0, 3.0]), [far]))
    assert data.y_range[0] < -5000


def test_reconstruction_and_kl_have_their_own_held_out_values() -> None:
    for quantity, values in ((RECONSTRUCTION, [331.0 + n for n in range(6)]), (KL, [50.0] * 6)):
        plot = curve_chart(quantity)(recorded_state(), CurveSettings(), *SIZE)
        assert plot is not None
        assert marks(plot.chart, BASELINE.marker).y.tolist() == values


def test_the_start_is_left_out_of_the_range_and_named() -> None:
    plot = planned(recorded_state())
    low, high = plot.chart.y_range
    assert high < 2000
    assert "begins at " in said(plot.title)
    for x, y in heights(plot.chart):
        settled = y[x >= 63]  # a band has one value for what shares a part of a column
        assert ((settled >= low) & (settled <= high)).all()


def test_the_log_axis_shows_the_start_too() -> None:
    plot = planned(recorded_state(), ChartSettings(log_y=True))
    data = plot.chart
    assert "begins at" not in said(plot.title)
    assert len(line(data, BASELINE.colour).x) > 90
    begins = max(float(y.max()) for _, y in heights(built(recorded_state())))
    assert data.y_range[1] >= max(float(y.max()) for _, y in heights(data))
    # In axis coordinates the order is kept, and the ticks are labelled with plain values.
    assert [place for place, _ in data.y_ticks] == sorted(place for place, _ in data.y_ticks)
    assert 0.5 * begins <= max(float(label.replace("k", "e3")) for _, label in data.y_ticks) <= begins


def test_on_the_log_axis_limit_and_ticks_lie_where_their_values_do() -> None:
    data = built(recorded_state(), ChartSettings(log_y=True))
    places = np.array([place for place, _ in data.y_ticks])
    values = np.array([float(label.replace("k", "e3")) for _, label in data.y_ticks])
    (scale,) = [s for s in map(Symlog, (0.01, 0.1, 1.0, 10.0, 100.0)) if np.allclose(s.forward(values), places)]
    assert data.limits[0].y == pytest.approx(float(scale.forward(np.array([-LIMIT]))[0]))


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize("size", [(4, 2), (10, 3), (33, 8), (300, 90)])
def test_ticks_are_inside_their_ranges_at_any_size(log_y: bool, size: tuple[int, int]) -> None:
    for axis in X_AXES:
        data = built(recorded_state(), ChartSettings(log_y=log_y, x_axis=axis), size)
        assert all(data.y_range[0] - 1e-9 <= place <= data.y_range[1] + 1e-9 for place, _ in data.y_ticks)
        assert all(data.x_range[0] <= place <= data.x_range[1] for place, _ in data.x_ticks)


def test_a_spike_of_one_step_survives_down_sampling() -> None:
    values = [1.0] * 3000
    values[2000] = 500.0
    data = built(of_loss(values), size=(40, 20))
    (band,) = data.bands
    assert band.high.max() == 500.0


def test_smoothing_keeps_the_raw_curve_behind_the_smooth_one() -> None:
    plot = planned(recorded_state(), CurveSettings(smoothing=10))
    assert [band.colour for band in plot.chart.bands] == [faded(BASELINE.colour), faded(DEEP.colour)]
    assert [line.colour for line in plot.chart.lines][:2] == [BASELINE.colour, DEEP.colour]
    assert "smoothed 10" in said(plot.legend)
    few = built(of_loss([3.0, 1.0, 2.0]), CurveSettings(smoothing=10))
    assert [line.colour for line in few.lines] == [faded(BASELINE.colour), BASELINE.colour]
    assert few.lines[0].y.tolist() == [3.0, 1.0, 2.0]


def test_smoothing_moves_the_line_and_leaves_the_band() -> None:
    raw, smooth = (built(recorded_state(), CurveSettings(smoothing=window)) for window in (1, 25))
    for one, other in zip(raw.bands, smooth.bands, strict=True):
        assert one.low.tolist() == other.low.tolist()
        assert one.high.tolist() == other.high.tolist()
    assert line(raw, BASELINE.colour).y.tolist() != line(smooth, BASELINE.colour).y.tolist()


def test_a_band_reaches_from_the_least_to_the_greatest_step_and_its_line_is_their_mean() -> None:
    values = [10.0 + step % 4 for step in range(4000)]
    chart = built(of_loss(values), size=(40, 20))
    (band,) = chart.bands
    assert set(band.low.tolist()) == {10.0}
    assert set(band.high.tolist()) == {13.0}
    assert line(chart, BASELINE.colour).y.tolist() == pytest.approx([11.5] * frame_of(chart).columns, abs=0.1)


def test_with_fewer_points_than_columns_they_are_joined_without_a_band() -> None:
    chart = built(of_loss([1.0, 5.0, 2.0]))
    assert chart.bands == ()
    assert line(chart, BASELINE.colour).y.tolist() == [1.0, 5.0, 2.0]


@pytest.mark.parametrize("count", [MOST_BANDS, MOST_BANDS + 1])
def test_more_models_than_can_be_distinguished_have_no_bands(count: int) -> None:
    chart = built(recorded_state(names=[f"model-{number}" for number in range(count)]))
    assert len(chart.bands) == (count if count <= MOST_BANDS else 0)
    assert len({line.colour for line in chart.lines}) >= count


def test_held_out_values_are_joined_and_have_fewer_marks_where_there_is_less_room() -> None:
    for size, least in (((100, 30), 4), ((30, 10), 8)):
        chart = built(recorded_state(20), size=size)
        assert line(chart, bright(DEEP.colour)).x.tolist() == [STEPS_PER_EPOCH * n for n in range(1, 21)]
        places = marks(chart, DEEP.marker).x
        assert places[-1] == 20 * STEPS_PER_EPOCH
        assert np.diff(places).min() >= least * 0.99 * chart.x_range[1] / frame_of(chart).columns
        assert len(places) > 2


@pytest.mark.parametrize("value", [50.0, 0.1, -310.7])
def test_a_smoothed_constant_is_still_flat(value: float) -> None:
    """Rounding in the last bit must not be drawn as large as the chart."""
    data = built(of_loss([value] * 300), ChartSettings(smoothing=10))
    low, high = data.y_range
    assert high - low > 1e-6 * abs(value)


@pytest.mark.parametrize("log_y", [False, True])
def test_values_that_are_not_finite_are_gaps_with_a_mark_at_the_lower_edge(log_y: bool) -> None:
    data = built(of_loss([3.0, math.nan, 2.0, math.inf, 1.0, -math.inf]), ChartSettings(log_y=log_y))
    assert np.isfinite(line(data, BASELINE.colour).y).tolist() == [True, False] * 3
    lost = marks(data, LOST)
    assert lost.colour == BASELINE.colour
    assert lost.x.tolist() == [2, 4, 6]
    assert lost.y.tolist() == [data.y_range[0]] * 3


def test_a_gap_among_many_points_is_marked_in_its_place() -> None:
    values = [1.0 + step % 7 for step in range(3000)]
    values[2000] = math.nan
    data = built(of_loss(values), size=(40, 20))
    assert marks(data, LOST).x.tolist() == [2001]


def test_narrow_charts_have_the_short_title_and_still_name_x() -> None:
    plot = planned(recorded_state(), size=(30, 10))
    assert said(plot.title).strip() == "−ELBO, nats"
    assert said(plot.legend).strip() == "x: steps"


def test_the_legend_names_every_model_with_its_marker() -> None:
    assert f"{BASELINE.marker} baseline" in said(planned(recorded_state()).legend)
    assert f"{DEEP.marker} deep" in said(planned(recorded_state()).legend)


def test_latents_are_sorted_beside_the_spectrum_of_theory() -> None:
    data = latent_chart("baseline")(recorded_state(), ChartSettings(), *SIZE)
    assert data is not None
    assert data.bars is not None
    assert data.bars.heights.tolist() == [3.5 * number / 32 for number in range(32, 0, -1)]
    assert data.bars.expected is not None
    assert data.bars.expected.tolist() == np.linspace(4, 0, 32).tolist()
    assert data.y_range[0] == 0
    assert data.y_range[1] > 4
    assert "29/32 active" in data.subtitle.plain
    assert "epoch 6" in data.subtitle.plain


def test_a_deep_model_has_no_spectrum_of_theory() -> None:
    data = latent_chart("deep")(recorded_state(), ChartSettings(), *SIZE)
    assert data is not None
    assert data.bars is not None
    assert data.bars.expected is None
    assert "exact optimum" not in data.subtitle.plain


@pytest.mark.parametrize("name", NAMES)
def test_without_a_name_the_selected_model_is_shown(name: str) -> None:
    data = latent_chart(None)(recorded_state(), ChartSettings(selected=name), *SIZE)
    assert data is not None
    assert name in data.title.plain


def test_there_are_no_latents_before_the_first_epoch() -> None:
    assert latent_chart("deep")(recorded_state(0), ChartSettings(), *SIZE) is None
    assert latent_chart("unknown")(recorded_state(), ChartSettings(), *SIZE) is None
    assert latent_chart(None)(recorded_state(), ChartSettings(), *SIZE) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_latents_that_are_not_finite_leave_a_finite_range(bad: float) -> None:
    state = reduce_all(recorded_state(1), [epoch("deep", 2, kl_per_latent=(bad, *(1.0,) * 31))])
    data = latent_chart("deep")(state, ChartSettings(), *SIZE)
    assert data is not None
    assert all(math.isfinite(bound) for bound in data.y_range)


def test_more_latents_than_columns_are_counted_in_the_frame() -> None:
    for columns in (30, 80):
        data = latent_chart("deep")(recorded_state(1, zdim=500), ChartSettings(), columns + 7, 12)
        assert data is not None
        assert f"{columns} of 500" in data.subtitle.plain
