"""Axes, smoothing, and going through the epochs of the digits."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import epoch, progress, samples
from tui_vae.charts.curves import CurvePlot
from tui_vae.charts.palette import faded, model_style
from tui_vae.charts.settings import SMOOTHING_WINDOWS
from tui_vae.tui.widgets.curves import text_of


def loss_chart(drawn: list[CurvePlot]) -> CurvePlot:
    return next(data for data in reversed(drawn) if "ELBO" in text_of(data.title).plain)


async def test_y_switches_to_a_signed_log_axis_and_back(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    async with open_monitor() as monitor:
        plain = loss_chart(drawn)
        await monitor.press("y")
        await monitor.until(lambda: "· log" in monitor.panel("#loss"))
        assert loss_chart(drawn).chart.y_ticks != plain.chart.y_ticks
        await monitor.press("y")
        await monitor.until(lambda: "· log" not in monitor.panel("#loss"))
        assert loss_chart(drawn).chart.y_ticks == plain.chart.y_ticks


@pytest.mark.parametrize("size", [(140, 45), (80, 24), (40, 12)])
async def test_x_goes_from_steps_to_epochs_to_time(
    open_monitor: OpenMonitor, drawn: list[CurvePlot], size: tuple[int, int]
) -> None:
    async with open_monitor(size=size) as monitor:
        ends = []
        for _ in range(3):
            ends.append(loss_chart(drawn).chart.x_range[1])
            await monitor.press("x")
        assert ends == [600, 6, pytest.approx(6)]
        assert loss_chart(drawn).chart.x_range[1] == 600


async def test_the_frame_names_the_x_axis_at_hand(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.until(lambda: "x: steps" in monitor.panel("#loss"))
        for axis in ("epochs", "time", "steps"):
            await monitor.press("x")
            await monitor.until(lambda axis=axis: f"x: {axis}" in monitor.panel("#loss"))


async def test_the_frame_says_how_far_curves_are_smoothed(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("plus")
        await monitor.until(lambda: "smoothed 3 " in monitor.panel("#loss"))


async def test_plus_smooths_with_the_raw_curve_faded_behind(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    style = model_style(0, ascii_only=False)
    async with open_monitor() as monitor:
        (raw,) = [line for line in loss_chart(drawn).chart.lines if line.colour == style.colour]
        for window in SMOOTHING_WINDOWS[1:]:
            await monitor.press("plus")
            assert f"smoothed {window} " in text_of(loss_chart(drawn).legend).plain
        assert faded(style.colour) in [band.colour for band in loss_chart(drawn).chart.bands]
        (smooth,) = [line for line in loss_chart(drawn).chart.lines if line.colour == style.colour]
        settled = raw.x > 300
        assert np.abs(np.diff(smooth.y[settled], 2)).mean() < np.abs(np.diff(raw.y[settled], 2)).mean()
        await monitor.press("plus")
        assert f"smoothed {SMOOTHING_WINDOWS[-1]} " in text_of(loss_chart(drawn).legend).plain
        for _ in SMOOTHING_WINDOWS:
            await monitor.press("minus")
        assert "smoothed" not in text_of(loss_chart(drawn).legend).plain
        assert faded(style.colour) not in [line.colour for line in loss_chart(drawn).chart.lines]


def shown_epochs(monitor: Monitor) -> list[str]:
    return re.findall(r"(●|▲) \w+ · .*? · (epoch \d+|untrained)", monitor.panel("#gallery"))


async def test_left_and_right_show_earlier_and_later_digits_of_both_models(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        await monitor.press("2")
        await monitor.until_shown("newest")
        assert shown_epochs(monitor) == [("●", "epoch 6"), ("▲", "epoch 6")] * 2
        newest = monitor.text
        await monitor.press("left")
        await monitor.until_shown("epoch 5 of 6")
        assert shown_epochs(monitor) == [("●", "epoch 5"), ("▲", "epoch 5")] * 2
        for _ in range(8):
            await monitor.press("left")
        await monitor.until_shown("epoch 0 of 6")
        assert shown_epochs(monitor) == [("●", "untrained"), ("▲", "untrained")] * 2
        await monitor.press("right")
        await monitor.until_shown("epoch 1 of 6")
        for _ in range(5):
            await monitor.press("right")
        await monitor.until_shown("newest")
        assert monitor.text.splitlines()[5:] == newest.splitlines()[5:]


async def test_other_epochs_have_other_digits(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60), ascii_only=True) as monitor:
        await monitor.press("2")
        await monitor.until_shown("newest")
        newest = [line for line in monitor.lines if "epoch" not in line]
        await monitor.press("left")
        await monitor.until_shown("epoch 5 of 6")
        assert [line for line in monitor.lines if "epoch" not in line] != newest


async def test_a_chosen_epoch_stays_while_new_ones_come_until_escape(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        await monitor.press("2", "left", "left")
        await monitor.until_shown("epoch 4 of 6")
        await monitor.feed(samples("baseline", 7), samples("deep", 7))
        await monitor.until_shown("epoch 4 of 7")
        assert shown_epochs(monitor) == [("●", "epoch 4"), ("▲", "epoch 4")] * 2
        await monitor.press("escape")
        await monitor.until_shown("newest")
        assert shown_epochs(monitor) == [("●", "epoch 7"), ("▲", "epoch 7")] * 2


async def test_a_model_without_a_picture_of_the_epoch_is_shown_at_its_last_before(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 60)) as monitor:
        await monitor.feed(samples("baseline", 7), samples("baseline", 8))
        await monitor.press("2", "left")
        await monitor.until_shown("epoch 7 of 8")
        assert shown_epochs(monitor) == [("●", "epoch 7"), ("▲", "epoch 6")] * 2


async def test_left_and_right_do_nothing_away_from_the_digits(open_monitor: OpenMonitor) -> None:
    async with open_monitor() as monitor:
        await monitor.press("left", "left", "right")
        await monitor.press("2")
        await monitor.until_shown("newest")


async def test_up_and_down_scroll_the_digits_where_they_do_not_fit(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("2")
        await monitor.until_shown("samples from the prior")
        assert "▲ deep · reconstructions" not in monitor.text
        await monitor.press(*["down"] * 40)
        await monitor.until_shown("▲ deep · reconstructions")
        await monitor.press(*["up"] * 40)
        await monitor.until_shown("● baseline · samples from the prior")


async def test_axes_and_smoothing_hold_for_events_that_come_later(
    open_monitor: OpenMonitor, drawn: list[CurvePlot]
) -> None:
    async with open_monitor() as monitor:
        await monitor.press("x", "y", "plus")
        drawn.clear()
        await monitor.feed(progress("deep", 700), epoch("deep", 7))
        await monitor.until(lambda: any("ELBO" in text_of(data.title).plain for data in drawn))
        chart = loss_chart(drawn)
        assert "log" in text_of(chart.title).plain
        assert "smoothed 3 " in text_of(chart.legend).plain
        assert "x: epochs" in text_of(chart.legend).plain
        assert chart.chart.x_range == (0, 7)
