"""Reading curves at a cursor, zooming and panning, filtering, and paging through charts."""

from __future__ import annotations

import re

import pytest
from msgspec import structs

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import epoch, progress, recorded_run
from tui_vae.charts.curves import CurvePlot
from tui_vae.events import Event, RunStarted
from tui_vae.tui.widgets.chart import Chart

LOSS = "#loss"


def x_range(monitor: Monitor) -> tuple[float, float]:
    data = monitor.app.query_one(LOSS, Chart).curves
    assert data is not None
    return data.chart.x_range


def step_read(monitor: Monitor, panel: str = LOSS) -> int:
    found = re.search(r"step ([\d,]+)", monitor.panel(panel))
    assert found is not None, monitor.panel(panel)
    return int(found[1].replace(",", ""))


async def test_the_cursor_reads_every_curve_in_every_chart_at_once(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("end")
        await monitor.until(lambda: "step 600" in monitor.panel(LOSS))
        read = monitor.panel(LOSS)
        assert re.search(r"● baseline +-299\.\d +-286\.0 ", read)
        assert re.search(r"▲ deep +-359\.\d +-346\.0 ", read)
        assert re.search(r"● .*349\.\d +336\.0", monitor.panel("#reconstruction"))
        assert re.search(r"▲ .*50\.0 +50\.0", monitor.panel("#kl"))
        assert re.search(r"─ exact limit +-310\.8 ", read)
        assert "exact limit" not in monitor.panel("#kl")
        assert "│" in read
        await monitor.press("escape")
        await monitor.until(lambda: "step 600" not in monitor.panel(LOSS))
        assert "600" not in monitor.panel("#kl")


async def test_many_models_are_read_in_half_of_a_chart_and_the_rest_counted(open_monitor: OpenMonitor) -> None:
    names = tuple(f"model-{number}" for number in range(20))
    async with open_monitor(recorded_run(2, names), size=(140, 55)) as monitor:
        await monitor.press("end")
        await monitor.until(lambda: "step 200" in monitor.panel(LOSS))
        plot = monitor.app.query_one(LOSS, Chart).plot
        assert plot is not None
        rows = monitor.panel(LOSS).splitlines()[:-1]  # without the legend
        (first,), (last,) = ([n for n, row in enumerate(rows) if words in row] for words in ("step 200", " more "))
        assert 4 <= last - first + 1 <= max(4, plot.rows // 2)
        assert re.search(r"… \d+ more", rows[last])


async def test_arrows_move_the_cursor_by_columns_and_with_shift_by_ten(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("home")
        assert step_read(monitor) <= 2
        await monitor.press("right")
        one = step_read(monitor)
        assert 2 < one < 20
        await monitor.press("home", "shift+right")
        ten = step_read(monitor)
        assert 8 * one <= ten <= 12 * one
        await monitor.press("shift+left", "shift+left")
        assert step_read(monitor) <= 2
        await monitor.press("end", "left")
        assert 580 < step_read(monitor) < 600


async def test_the_cursor_stays_where_it_is_when_points_come(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("end", "shift+left")
        before = step_read(monitor)
        await monitor.feed(progress("deep", 900), epoch("deep", 9))
        await monitor.until(lambda: x_range(monitor)[1] == 900)
        assert step_read(monitor) == before


async def test_a_click_puts_the_cursor_below_the_pointer(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        plot = monitor.app.query_one(LOSS, Chart).plot
        assert plot is not None
        column = plot.columns // 2
        await monitor.pilot.click(LOSS, offset=(1 + plot.left + column, 8))
        await monitor.settle()
        assert abs(step_read(monitor) - plot.x(column)) <= plot.step
        assert plot.column(step_read(monitor)) in (column - 1, column, column + 1)


async def test_brackets_zoom_about_the_cursor_and_backspace_shows_all(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("home", *["shift+right"] * 3)
        at = step_read(monitor)
        await monitor.press("right_square_bracket")
        low, high = x_range(monitor)
        assert high - low == pytest.approx(300)
        assert (at - low) / (high - low) == pytest.approx(at / 600, abs=0.01)
        assert "zoomed" in monitor.panel(LOSS)
        await monitor.press("right_square_bracket", "left_square_bracket")
        assert x_range(monitor) == pytest.approx((low, high))
        await monitor.press("backspace")
        assert x_range(monitor) == (0, 600)
        assert "zoomed" not in monitor.panel(LOSS)


async def test_a_window_is_panned_within_what_there_is_and_not_moved_by_new_points(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("right_square_bracket", "right_square_bracket")
        assert x_range(monitor) == pytest.approx((450, 600))
        await monitor.press("greater_than_sign")
        assert x_range(monitor) == pytest.approx((450, 600))
        await monitor.press("less_than_sign")
        assert x_range(monitor) == pytest.approx((412.5, 562.5))
        await monitor.feed(progress("deep", 900))
        await monitor.until(lambda: monitor.app.runs.state.models["deep"].step == 900)
        await monitor.settle()
        assert x_range(monitor) == pytest.approx((412.5, 562.5))
        await monitor.press(*["less_than_sign"] * 12)
        assert x_range(monitor) == pytest.approx((0, 150))
        await monitor.press("escape")
        assert x_range(monitor) == (0, 900)


async def test_the_range_of_y_is_that_of_what_is_visible(open_monitor: OpenMonitor, drawn: list[CurvePlot]) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("home", *["right_square_bracket"] * 4)
        low, high = drawn[-1].chart.y_range
        assert high > 2000
        await monitor.press("end", "escape", "escape", *["right_square_bracket"] * 3)
        low, high = drawn[-1].chart.y_range
        assert -375 < low < high < -275


async def test_the_wheel_zooms_at_the_pointer_and_dragging_pans(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        chart = monitor.app.query_one(LOSS, Chart)
        plot = chart.plot
        assert plot is not None
        chart.post_message(Chart.Zoomed(150.0, 1))
        await monitor.until(lambda: x_range(monitor) != (0, 600))
        low, high = x_range(monitor)
        assert (150 - low) / (high - low) == pytest.approx(0.25)
        await monitor.pilot.mouse_down(LOSS, offset=(40, 8))
        await monitor.pilot.hover(LOSS, offset=(30, 8))
        await monitor.pilot.mouse_up(LOSS, offset=(30, 8))
        await monitor.settle()
        moved, _ = x_range(monitor)
        assert moved == pytest.approx(low + (high - low) * 10 / plot.columns)
        assert "step" not in monitor.panel(LOSS).replace("x: steps", "")


async def test_on_another_axis_the_cursor_and_the_zoom_are_at_the_same_place(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("end", "right_square_bracket")
        low, high = x_range(monitor)
        read = re.findall(r"[●▲] \w+ +(?:-[\d.]+ +)+", monitor.panel(LOSS))
        assert len(read) == 2
        for text in ("epoch 6 ", " 6 s ", "step 600"):
            await monitor.press("x")
            await monitor.until(lambda text=text: re.search(text, monitor.panel(LOSS)))
            assert re.findall(r"[●▲] \w+ +(?:-[\d.]+ +)+", monitor.panel(LOSS)) == read
            if text == "epoch 6 ":
                assert x_range(monitor) == pytest.approx((low / 100, high / 100))
        assert x_range(monitor) == pytest.approx((low, high))


async def test_another_axis_shows_all_of_it_where_all_was_shown(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("x")
        assert x_range(monitor) == (0, 6)
        assert "epoch 6 " not in monitor.panel(LOSS)


async def test_a_filter_shows_matching_models_until_escape(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("slash", *"de*")
        await monitor.until(lambda: "baseline" not in monitor.panel(LOSS))
        assert "▲ deep" in monitor.panel(LOSS)
        assert "only de*" in monitor.panel(LOSS)
        await monitor.press("enter")
        assert not monitor.shows("#filter")
        assert monitor.focused == "models"
        await monitor.press("escape")
        await monitor.until(lambda: "● baseline" in monitor.panel(LOSS))
        assert "only" not in monitor.panel(LOSS)


async def test_a_filter_that_matches_nothing_says_so_and_escape_clears_it(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("slash", *"xyz")
        await monitor.until(lambda: "no model matches xyz" in monitor.panel(LOSS))
        await monitor.press("escape")
        await monitor.until(lambda: "● baseline" in monitor.panel(LOSS))
        assert not monitor.shows("#filter")


async def test_where_nothing_is_filtered_slash_says_what_is(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("4", "slash")
        await monitor.until_shown("pages 1, 2 and 3")
        assert not monitor.shows("#filter")


async def test_the_filter_holds_for_the_charts_of_latents_too(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 40)) as monitor:
        await monitor.press("3")
        await monitor.until(lambda: "● baseline" in monitor.panel("#latents"))
        await monitor.press("slash", *"DEEP")
        await monitor.until(lambda: "● baseline" not in monitor.panel("#latents"))
        assert "▲ deep" in monitor.panel("#latents")
        await monitor.press("x")
        await monitor.until(lambda: "no model matches DEEPx" in monitor.panel("#latents"))
        await monitor.press("escape")
        await monitor.until(lambda: "● baseline" in monitor.panel("#latents"))


async def test_the_filter_holds_for_digits_too_and_leaves_the_table(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.until(lambda: "baseline · samples" in monitor.panel("#samples"))
        await monitor.press("slash", *"deep", "enter")
        await monitor.until(lambda: "baseline" not in monitor.panel("#samples"))
        assert "deep · samples" in monitor.panel("#samples")
        assert "● baseline" in monitor.panel("#models")
        await monitor.press("2")
        await monitor.until(lambda: "only deep" in monitor.panel("#gallery"))
        assert "baseline" not in monitor.panel("#gallery")
        assert "held-out images" in monitor.panel("#gallery")
        await monitor.press("slash", "x")
        await monitor.until(lambda: "no model matches x" in monitor.panel("#gallery"))
        await monitor.press("escape")
        await monitor.until(lambda: "baseline · samples" in monitor.panel("#gallery"))


def learned() -> list[Event]:
    events = recorded_run()
    return [
        structs.replace(e, config={**e.config, "sigma": "learned"}) if isinstance(e, RunStarted) else e for e in events
    ]


async def test_a_learned_sigma_has_a_chart_of_its_own(open_monitor: OpenMonitor) -> None:
    async with open_monitor(learned(), size=(140, 45)) as monitor:
        await monitor.until(lambda: "1/2" in monitor.panel("#reconstruction"))
        await monitor.press("pagedown")
        await monitor.until(lambda: "0.2" in monitor.panel("#sigma"))
        assert "2/2" in monitor.panel("#active")
        assert not monitor.shows("#kl")
        await monitor.press("pagedown")
        assert monitor.shows("#kl")
        assert not monitor.shows("#sigma")


async def test_where_one_panel_fits_pages_go_through_all(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.until(lambda: "1/7" in monitor.panel(LOSS))
        await monitor.press("pageup")
        await monitor.until(lambda: "samples · 7/7" in monitor.panel("#samples"))
        await monitor.press("pageup")
        await monitor.until(lambda: "6/7" in monitor.panel("#speed"))
        await monitor.press("pagedown", "pagedown", "pagedown")
        await monitor.until(lambda: "2/7" in monitor.panel("#reconstruction"))


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_a_read_out_is_legible_in_the_smallest_terminal(open_monitor: OpenMonitor, ascii_only: bool) -> None:
    async with open_monitor(size=(40, 12), ascii_only=ascii_only) as monitor:
        await monitor.press("end")
        assert "step 600" in monitor.panel(LOSS)
        assert "-286.0" in monitor.panel(LOSS)
        assert {strip.cell_length for strip in monitor.strips} == {40}
        assert monitor.text.isascii() == ascii_only
