"""The KL of latents over the epochs, as a heat map: what is picked, in which order, and how it is drawn."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from rich.text import Text
from textual.geometry import Size

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import epoch, model_started, recorded_state, run_started
from tui_vae.tui.graphics.images import shade_lines
from tui_vae.tui.widgets.cell_charts import draw_heat, legend
from tui_vae.tui.widgets.chart_data import ChartData, ChartSettings, Heat
from tui_vae.tui.widgets.latent_charts import latent_chart
from tui_vae.view.state import RunState, reduce_all

OVER_EPOCHS = ChartSettings(over_epochs=True)


def history(epochs: int, *, latents: int = 8) -> RunState:
    """At epoch n the KL of latent i is n · (i + 1), so that the last latent is the largest."""
    values = (
        epoch("baseline", n, kl_per_latent=tuple(float(n * (i + 1)) for i in range(latents)))
        for n in range(1, epochs + 1)
    )
    return reduce_all(RunState(), [run_started(), model_started("baseline", linear=True, zdim=latents), *values])


def heat_of(state: RunState, settings: ChartSettings = OVER_EPOCHS, size: tuple[int, int] = (80, 16)) -> Heat:
    data = latent_chart("baseline")(state, settings, size[0] + 7, size[1] + 2)  # with the labels
    assert data is not None
    assert data.heat is not None
    return data.heat


def test_rows_are_latents_and_columns_are_epochs_with_the_largest_on_top() -> None:
    heat = heat_of(history(5, latents=3))
    assert heat.values.tolist() == [[3, 6, 9, 12, 15], [2, 4, 6, 8, 10], [1, 2, 3, 4, 5]]
    assert heat.high == 15


def test_by_index_the_first_latent_is_on_top() -> None:
    heat = heat_of(history(2, latents=3), dataclasses.replace(OVER_EPOCHS, by_index=True))
    assert heat.values.tolist() == [[1, 2], [2, 4], [3, 6]]


@pytest.mark.parametrize("columns", [1, 2, 33, 80])
def test_of_many_epochs_no_more_are_picked_than_there_are_columns_and_always_the_newest(columns: int) -> None:
    heat = heat_of(history(1000, latents=2), size=(columns, 10))
    assert heat.values.shape[1] == columns
    if columns > 1:
        assert heat.values[1, [0, -1]].tolist() == [1, 1000]
        assert np.ptp(np.diff(heat.values[1])) <= 1


def test_of_many_latents_as_many_are_picked_evenly_as_there_are_half_lines() -> None:
    heat = heat_of(history(1, latents=40), dataclasses.replace(OVER_EPOCHS, by_index=True), (80, 10))
    assert heat.values[:, 0].tolist() == list(range(1, 41, 2))
    shaded = dataclasses.replace(OVER_EPOCHS, by_index=True, draw=shade_lines)
    assert heat_of(history(1, latents=40), shaded, (80, 10)).values[:, 0].tolist() == list(range(1, 41, 4))


@pytest.mark.parametrize("by_index", [False, True])
def test_theory_is_held_against_latents_of_the_same_rank(by_index: bool) -> None:
    heat = heat_of(history(3, latents=4), dataclasses.replace(OVER_EPOCHS, by_index=by_index))
    assert heat.apart is not None
    spectrum = np.linspace(4.0, 0.0, 4)  # of the recorded run
    assert heat.apart.tolist() == (spectrum[::-1] if by_index else spectrum).tolist()


def test_a_model_that_theory_does_not_know_has_no_column_apart() -> None:
    data = latent_chart("deep")(recorded_state(), OVER_EPOCHS, 80, 16)
    assert data is not None
    assert data.heat is not None
    assert data.heat.apart is None


def test_what_is_not_finite_is_left_empty_and_does_not_set_the_range() -> None:
    odd = epoch("baseline", 1, kl_per_latent=(math.nan, math.inf, 2.0))
    state = reduce_all(RunState(), [run_started(), odd, epoch("baseline", 2, kl_per_latent=(1.0, 1.0, 1.0))])
    assert heat_of(state).high == 2.0
    drawn = draw_heat(chart_of(heat_of(state)), heat_of(state), Size(20, 8), shades=True, ascii_only=True)
    assert len(drawn) == 8


def test_bars_follow_the_order_too() -> None:
    state = history(1, latents=3)
    for by_index, heights in ((False, [3, 2, 1]), (True, [1, 2, 3])):
        data = latent_chart("baseline")(state, ChartSettings(by_index=by_index), 80, 16)
        assert data is not None
        assert data.bars is not None
        assert data.bars.heights.tolist() == heights
        assert data.x_ticks[0][1] == ("0" if by_index else "1")


def chart_of(heat: Heat, y_ticks: tuple[tuple[float, str], ...] = ((0.0, "0"),)) -> ChartData:
    return ChartData(Text(), Text(), (0, 1), (0, 1), ((0.0, "1"),), y_ticks, heat=heat)


@pytest.mark.parametrize("shades", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (4, 3), (40, 12), (300, 90)])
def test_the_strips_have_the_size_asked_for(size: tuple[int, int], shades: bool) -> None:
    heat = Heat(np.ones((32, 70)), 2.0, (86, 180, 233), np.ones(32), "theory")
    strips = draw_heat(chart_of(heat), heat, Size(*size), shades=shades, ascii_only=shades)
    assert len(strips) == max(3, size[1])
    assert {strip.cell_length for strip in strips} == {size[0]}


def test_a_cell_of_half_blocks_has_the_colours_of_two_values() -> None:
    heat = Heat(np.array([[0.0], [1.0], [0.5]]), 1.0, (100, 150, 200))
    first, second, *_ = draw_heat(chart_of(heat), heat, Size(8, 4), shades=False, ascii_only=False)
    upper, lower = (segment for segment in (list(first)[1], list(second)[1]))
    assert (upper.text[0], lower.text[0]) == ("▀", "▀")
    assert upper.style is not None
    assert lower.style is not None
    assert upper.style.color != upper.style.bgcolor
    assert lower.style.bgcolor is None  # there is no fourth latent


def test_without_colours_values_are_shades_and_theory_stands_apart() -> None:
    heat = Heat(np.array([[0.0, 0.55], [1.0, 0.0]]), 1.0, (100, 150, 200), np.array([1.0, 0.0]), "theory")
    lines = [s.text for s in draw_heat(chart_of(heat), heat, Size(17, 4), shades=True, ascii_only=True)]
    assert lines[0] == "0|      ++++++ @@"
    assert lines[1] == " |@@@@@@         "
    assert lines[3] == "  1        theory"


def test_the_legend_tells_the_range_and_the_unit() -> None:
    heat = Heat(np.ones((1, 1)), 4.26, (86, 180, 233))
    assert legend(heat, shades=True).plain == "0  .:-=+*#%@ 4.3 nats"
    assert legend(heat, shades=False).plain == "0 ██████████ 4.3 nats"


@pytest.mark.parametrize("size", [(140, 45), (80, 24), (40, 12)], ids=["large", "usual", "small"])
async def test_v_shows_all_epochs_and_back_and_o_changes_the_order(
    open_monitor: OpenMonitor, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size) as monitor:
        await monitor.press("3")
        bars = monitor.panel("#latents")
        await monitor.press("v")
        await monitor.until_shown("theory")
        by_kl = monitor.panel("#latents")
        assert "nats" in by_kl
        await monitor.press("o")
        await monitor.until(lambda: monitor.panel("#latents") != by_kl)
        await monitor.press("o")
        await monitor.until(lambda: monitor.panel("#latents") == by_kl)
        await monitor.press("v")
        await monitor.until(lambda: monitor.panel("#latents") == bars)


async def test_every_latent_has_its_line_where_the_page_is_high_enough(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("3", "v")
        await monitor.until_shown("32 latents, largest on top")


async def test_enter_shows_one_chart_alone_and_escape_all(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("3", "down", "enter")
        await monitor.until(lambda: "nats · ▲ deep" in monitor.text and "nats · ● baseline" not in monitor.text)
        await monitor.press("tab")
        await monitor.until(lambda: "nats · ● baseline" in monitor.text and "nats · ▲ deep" not in monitor.text)
        await monitor.press("escape")
        await monitor.until(lambda: "nats · ● baseline" in monitor.text and "nats · ▲ deep" in monitor.text)


async def test_a_plain_terminal_shows_shades(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45), ascii_only=True) as monitor:
        await monitor.press("3", "v")
        await monitor.until_shown("theory")
        assert monitor.text.isascii()
        assert "%%" in monitor.text
