"""Numbers that no healthy run has: every chart is drawn all the same."""

from __future__ import annotations

import math

import pytest
from textual.geometry import Size

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import NAMES, epoch, model_started, progress, recorded_run, run_started
from tui_vae.charts.curves import CurvePlot, curve_chart
from tui_vae.charts.drawing import draw
from tui_vae.charts.metric_series import ACTIVE, KL, LOSS, RECONSTRUCTION, SIGMA, SPEED
from tui_vae.events import Event, State
from tui_vae.tui.widgets.cell_charts import draw_bars
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.curves import strips_of
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.state import RunState, reduce_all

NAN, INF = math.nan, math.inf
STEPS = range(1, 60)


def values(*numbers: float) -> list[Event]:
    """Progress whose columns go through the numbers again and again."""
    events: list[Event] = []
    for step in STEPS:
        value = numbers[step % len(numbers)]
        fields = {"loss": value, "loss_min": value, "loss_max": value, "reconstruction": -value, "kl": value}
        events += [progress(name, step, images_per_second=value, **fields) for name in NAMES]
    return events


ODD: dict[str, list[Event]] = {
    "nothing": [],
    "one point": values(1.0)[:2],
    "constant": values(5.0),
    "zero": values(0.0),
    "not a number": values(NAN),
    "infinite": values(INF, -INF),
    "mixed": values(1.0, NAN, 3.0, INF, -7.0, -INF),
    "tiny": values(1e-45, -1e-45),
    "largest in 32 bits": values(3.4e38, -3.4e38, 1.0),
    "held out only": [epoch("deep", 1)],
    "held out not finite": [
        *values(1.0),
        epoch("baseline", 1, elbo=NAN, reconstruction=INF, kl=-INF),
        epoch("deep", 1, elbo=INF, reconstruction=NAN, kl=NAN),
    ],
    "collapsed": [epoch("baseline", 1, kl_per_latent=(0.0,) * 32), epoch("deep", 1, kl_per_latent=(0.0,) * 32)],
    "latents not a number": [epoch("deep", 1, kl_per_latent=(NAN,) * 32)],
    "some latents not a number": [epoch("deep", 1, kl_per_latent=(NAN, *(1.0,) * 31))],
    "latents infinite": [epoch("deep", 1, kl_per_latent=(INF, *(1.0,) * 31))],
    "clock set back": [progress("deep", step, t=-step) for step in STEPS],
    "all at once": [progress("deep", step, t=0.0) for step in STEPS],
}


CHARTS = {
    **{quantity.short_title: curve_chart(quantity) for quantity in (LOSS, RECONSTRUCTION, KL, SIGMA, ACTIVE, SPEED)},
    "latents": latent_chart("deep"),
    "latents of a linear model": latent_chart("baseline"),
}
CHOICES = [
    ChartSettings(),
    ChartSettings(x_axis="epochs", log_y=True, smoothing=10),
    ChartSettings(x_axis="time", smoothing=100),
    ChartSettings(x_axis="time", log_y=True),
]


def odd_run(case: str) -> list[Event]:
    begin = [run_started(), model_started("baseline", linear=True), model_started("deep", linear=False)]
    return [*begin, *(State(model=name, state="running") for name in NAMES), *ODD[case]]


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_is_drawn_with_any_choice_at_any_size(chart: str, case: str) -> None:
    state = reduce_all(RunState(), odd_run(case))
    for settings in CHOICES:
        for width, height in ((132, 20), (38, 8), (9, 4)):
            data = CHARTS[chart](state, settings, width, height)
            if data is None:
                continue
            if isinstance(data, CurvePlot):
                strips = strips_of(draw(data.chart))
                assert len(strips) == height
            else:
                assert data.bars is not None
                strips = draw_bars(data, data.bars, Size(width, height), ascii_only=False)
            assert {strip.cell_length for strip in strips} == {width}


@pytest.mark.parametrize("case", ["nothing", "mixed", "held out not finite", "some latents not a number"])
async def test_the_interface_goes_on(open_monitor: OpenMonitor, case: str) -> None:
    async with open_monitor(odd_run(case)) as monitor:
        await monitor.press("x", "plus", "y", "x", "3", "down", "1")
        assert "deep" in monitor.panel("#models")


@pytest.mark.parametrize("zdim", [1, 2, 500])
async def test_any_number_of_latents_has_bars(open_monitor: OpenMonitor, zdim: int) -> None:
    async with open_monitor(recorded_run(2, zdim=zdim), size=(140, 45)) as monitor:
        await monitor.press("3")
        for width, height in ((140, 45), (80, 24), (40, 12)):
            await monitor.resize(width, height)
            await monitor.settle()
            await monitor.until(lambda: "█" in monitor.panel("#latents"))
            assert {strip.cell_length for strip in monitor.strips} == {width}


async def test_more_bars_than_columns_are_counted(open_monitor: OpenMonitor) -> None:
    async with open_monitor(recorded_run(2, zdim=500), size=(80, 24)) as monitor:
        await monitor.press("3")
        await monitor.press("x")
        await monitor.until(lambda: "of 500" in monitor.panel("#latents"))


async def test_ten_thousand_events_at_once(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    events: list[Event] = [progress(name, step) for step in range(601, 5601) for name in NAMES]
    async with open_monitor(size=(80, 24)) as monitor:
        drawn.clear()
        await monitor.feed(*events)
        await monitor.until(lambda: any(5500 < data.chart.x_range[1] <= 5600 for data in drawn))
        assert monitor.app.runs.state.models["deep"].step == 5600


async def test_twelve_models_can_all_be_selected(open_monitor: OpenMonitor) -> None:
    names = tuple(f"model-{number}" for number in range(12))
    async with open_monitor(recorded_run(1, names)) as monitor:
        for name in names[1:]:
            await monitor.press("down")
            assert monitor.selected == name
            assert name in monitor.panel("#models")
