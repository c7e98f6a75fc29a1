"""Curves of other runs beside those of the run at hand: told apart, named, and on one x."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import START, epoch, model_started, progress, recorded_state, run_started
from tests.tui.scripted_library import OpenedSource
from tui_vae.charts.curves import CurvePlot, curve_chart
from tui_vae.charts.metric_series import LOSS, traces_of
from tui_vae.charts.palette import model_style
from tui_vae.tui.run_tracker import TrackedRun
from tui_vae.tui.widgets.chart_data import ChartSettings
from tui_vae.tui.widgets.curves import text_of
from tui_vae.view.state import RunState, reduce_all

SIZE = (200, 30)


def other_run(name: str, models: Sequence[str] = ("deep",), *, steps_per_epoch: int = 50, start: float = 0) -> RunState:
    """A run of four epochs that began ``start`` seconds after the recorded one."""
    events = [run_started(models, name=name, epochs=4)]
    for model in models:
        events.append(structs.replace(model_started(model, linear=False), t=START + start))
        for number in range(1, 5):
            step, t = number * steps_per_epoch, START + start + number
            events += [progress(model, step, t=t, steps=4 * steps_per_epoch), epoch(model, number, t=t)]
    return reduce_all(RunState(), events)


def test_every_model_of_every_run_is_told_apart_and_its_own_keep_their_styles() -> None:
    own, others = recorded_state(), [other_run(f"run-{number}", ("a", "b", "c", "d", "e")) for number in range(6)]
    alone = traces_of(own, ascii_only=False)
    together = traces_of(own, others, ascii_only=False)
    assert [trace.style for trace in together[:2]] == [trace.style for trace in alone]
    assert [trace.label for trace in together[:4]] == ["baseline", "deep", "run-0/a", "run-0/b"]
    assert len({(trace.style.colour, trace.style.marker) for trace in together}) == len(together) == 32
    assert traces_of(own, others[:2], ascii_only=False) == together[:12]


@pytest.mark.parametrize(
    ("axis", "held_out"), [("steps", [50, 100, 150, 200]), ("epochs", [1, 2, 3, 4]), ("time", [1, 2, 3, 4])]
)
def test_x_counts_from_the_start_of_each_run_in_its_own_steps(axis: str, held_out: list[float]) -> None:
    data = curve_chart(LOSS)(recorded_state(), ChartSettings(x_axis=axis), *SIZE, (other_run("faster", start=1e6),))
    assert data is not None
    style = model_style(2, ascii_only=False)
    (marks,) = [marks for marks in data.chart.marks if marks.symbol == style.marker]
    assert marks.x.tolist() == pytest.approx(held_out, abs=1e-3)
    assert "faster/deep" in text_of(data.legend).plain


async def test_the_runs_to_compare_with_are_drawn_at_once_and_go_again(
    open_monitor: OpenMonitor, drawn: list[CurvePlot], tmp_path: Path
) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.settle()
        alone = len(drawn[-1].chart.lines)
        for name in ("faster", "slower"):
            run = TrackedRun(name, OpenedSource([], tmp_path), name)
            run.state = other_run(name)
            monitor.app.runs.mark(name, run)
        monitor.app.main.update_view()
        assert len(drawn[-1].chart.lines) == alone + 4
        for name in ("faster", "slower"):
            monitor.app.runs.unmark(name)
        monitor.app.main.update_view()
        assert len(drawn[-1].chart.lines) == alone


@pytest.mark.parametrize("columns", [57, 80, 97, 140, 207])
def test_a_legend_names_as_many_as_fit_and_counts_the_others(columns: int) -> None:
    for others in ((), (other_run("one"),), tuple(other_run(f"run-{n}", ("a", "b", "c")) for n in range(6))):
        data = curve_chart(LOSS)(recorded_state(), ChartSettings(), columns, 20, others)
        assert data is not None
        legend = text_of(data.legend).plain
        assert text_of(data.legend).cell_len <= columns - 4
        labels = [trace.label for trace in traces_of(recorded_state(), others, ascii_only=False)]
        named = [label for label in labels if f" {label}  " in legend]
        assert named == labels[: len(named)]
        assert (f"… {len(labels) - len(named)} more" in legend) == (named != labels)
        assert named[:2] == labels[:2]
        assert legend.endswith("x: steps ")
