"""Charts drawn by a process of its own: whatever happens to it, the next one is drawn."""

from __future__ import annotations

import os
import queue
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.unit.charts.scripted_process import ScriptedChart, picture
from tests.unit.charts.watched_drawer import PATIENCE, Watched, exists, wait_for
from tui_vae.charts import drawer as drawer_module
from tui_vae.charts.description import Band, CurveChart, LimitLine, Line
from tui_vae.charts.drawer import Drawer, DrawingProcess, DrawnChart, Failure
from tui_vae.charts.drawing import draw


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawer_module, "SECONDS_TO_DRAW", 0.5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that a drawer goes by, which stands still."""
    now = [1000.0]
    monkeypatch.setattr(drawer_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_pictures_come_in_the_order_in_which_they_were_asked_for_with_their_charts(watched: Watched) -> None:
    charts = [ScriptedChart(str(index), columns=10 + index, rows=1 + index) for index in range(5)]
    for chart in charts:
        watched.ask(chart, chart.name)
    assert [watched.next() for _ in charts] == [DrawnChart(chart, picture(chart)) for chart in charts]


def test_a_chart_that_is_overtaken_is_not_drawn(watched: Watched, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    first = ScriptedChart("first", "wait for a file", go_on)
    watched.ask(first, "a")
    watched.ask(ScriptedChart("settled"), "b")
    wait_for(lambda: watched.drawer._waiting.keys() == {"b"})
    for name in ("older", "newer", "newest"):
        watched.ask(ScriptedChart(name), "b")
        watched.ask(ScriptedChart(name), "a")
    go_on.touch()
    assert [watched.next().chart.name for _ in range(3)] == ["first", "newest", "newest"]
    assert watched.drawn(ScriptedChart("last")).chart.name == "last"


def test_the_next_chart_after_a_process_was_killed_is_drawn_by_another(watched: Watched) -> None:
    watched.drawn(ScriptedChart("before"))
    killed = watched.pid
    os.kill(killed, signal.SIGKILL)
    chart = ScriptedChart("after")
    assert watched.drawn(chart) == DrawnChart(chart, picture(chart))
    assert watched.pid != killed
    assert not exists(killed)
    assert watched.warnings == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "deed",
    [
        *("be killed", "abort", "crash", "stop", "hang", "hang in C", "hoard"),
        *("talk nonsense", "talk for ever", "leave in the middle"),
    ],
)
def test_a_chart_during_which_the_process_is_lost_is_drawn_by_another(
    watched: Watched, tmp_path: Path, deed: str
) -> None:
    watched.drawn(ScriptedChart("before"))
    lost = watched.pid
    chart = ScriptedChart("it", deed, tmp_path / "done")
    assert watched.drawn(chart) == DrawnChart(chart, picture(chart))
    assert watched.pid != lost
    assert not exists(lost)
    assert watched.warnings == []


@pytest.mark.parametrize(
    ("deed", "reason"),
    [("abort", "Aborted"), ("hoard", "out of memory"), ("leave a row out", "it sent invalid data")],
)
def test_a_chart_that_ends_two_processes_is_given_up_and_others_go_on(watched: Watched, deed: str, reason: str) -> None:
    deadly, other = ScriptedChart("it", deed), ScriptedChart("other")
    watched.ask(deadly, "a")
    watched.ask(other, "b")
    assert watched.next() == Failure(deadly, f"this chart ends the process that draws it ({reason})")
    assert watched.next() == DrawnChart(other, picture(other))
    assert watched.warnings == []


def test_no_chart_is_blamed_for_a_process_that_dies_before_it_draws(watched: Watched, tmp_path: Path) -> None:
    """One that was killed while nobody asked: the chart is still tried twice."""
    watched.drawn(ScriptedChart("before"))
    os.kill(watched.pid, signal.SIGKILL)  # which may take a while: the chart is sent to it before it ends, or after
    chart = ScriptedChart("it", "abort", tmp_path / "done")
    assert watched.drawn(chart) == DrawnChart(chart, picture(chart))
    assert watched.warnings == []


def test_no_chart_is_blamed_for_a_process_that_stops_before_it_draws(
    watched: Watched, impatient: None, tmp_path: Path
) -> None:
    watched.drawn(ScriptedChart("before"))
    os.kill(watched.pid, signal.SIGSTOP)
    chart = ScriptedChart("it", "abort", tmp_path / "done")
    assert watched.drawn(chart) == DrawnChart(chart, picture(chart))
    assert watched.warnings == []


def test_an_error_is_reported_and_the_process_goes_on(watched: Watched) -> None:
    watched.drawn(ScriptedChart("before"))
    pid = watched.pid
    wrong = ScriptedChart("it", "fail")
    reason = "this chart cannot be drawn (ValueError: nobody thought of that)"
    assert watched.drawn(wrong) == Failure(wrong, reason)
    assert isinstance(watched.drawn(ScriptedChart("after")), DrawnChart)
    assert watched.pid == pid


def test_what_is_printed_reaches_nobody(watched: Watched, capfd: pytest.CaptureFixture[str]) -> None:
    chart = ScriptedChart("it", "print")
    assert watched.drawn(chart) == DrawnChart(chart, picture(chart))
    assert capfd.readouterr() == ("", "")


def test_after_three_deaths_in_a_minute_nothing_is_drawn_for_the_next(watched: Watched, clock: list[float]) -> None:
    watched.drawn(ScriptedChart("it", "abort"))
    clock[0] += 59
    watched.drawn(ScriptedChart("it", "abort"))
    reason = "no curves for a minute: what draws them ended 3 times (Aborted)"
    assert watched.warnings == [reason]
    for _ in range(2):
        chart = ScriptedChart("harmless")
        assert watched.drawn(chart) == Failure(chart, reason)
    clock[0] += 59.9
    assert isinstance(watched.drawn(ScriptedChart("harmless")), Failure)
    clock[0] += 0.2
    assert isinstance(watched.drawn(ScriptedChart("harmless")), DrawnChart)
    assert watched.warnings == [reason]


def test_deaths_that_lie_apart_are_made_good_for_ever(watched: Watched, clock: list[float], tmp_path: Path) -> None:
    for index in range(5):
        clock[0] += 31
        chart = ScriptedChart("it", "abort", tmp_path / str(index))
        assert isinstance(watched.drawn(chart), DrawnChart)
    assert watched.warnings == []


def test_a_process_that_cannot_be_started_is_reported(watch: Callable[..., Watched]) -> None:
    watched = watch("/nowhere/python")
    for _ in range(2):
        reason = watched.drawn(ScriptedChart()).reason
    assert (
        reason
        == "no curves for a minute: what draws them ended 3 times (it cannot be started, No such file or directory)"
    )
    assert watched.warnings == [reason]


def test_a_process_that_has_no_plotext_is_not_tried_again(watch: Callable[..., Watched]) -> None:
    code = "import sys; sys.modules['plotext'] = None; from tui_vae.charts.process import main; main()"
    watched = watch(sys.executable, "-P", "-c", code)
    outcomes = [watched.drawn(ScriptedChart()) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].reason.startswith("curves need plotext")
    assert watched.warnings == [outcomes[0].reason]
    assert watched.drawer._process is None


def test_a_curve_is_drawn_as_here_by_a_process_without_torch() -> None:
    x = np.linspace(0, 1, 50)
    line = Line(x, np.where(x < 0.5, np.sin(9 * x), np.nan), (1, 2, 3))
    chart = CurveChart(
        60, 12, (0, 1), (-1, 1), ((0.5, "half"),), ((0.0, "0"),), lines=(line,), limits=(LimitLine(0.5, "limit", 7),)
    )
    outcomes = queue.SimpleQueue[DrawnChart | Failure]()
    drawer = Drawer()
    try:
        drawer.ask("", chart, outcomes.put)
        picture = outcomes.get(timeout=PATIENCE)
        assert isinstance(picture, DrawnChart)
        assert picture.chart is chart
        assert picture.rows == draw(chart)
        assert 0 < drawer.spent < 10
        assert drawer._process is not None
        loaded = Path(f"/proc/{drawer._process.pid}/maps")
        assert not loaded.exists() or "torch" not in loaded.read_text()
    finally:
        drawer.close()


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is looked up in /proc")
def test_its_memory_does_not_grow() -> None:
    x = np.linspace(0, 1, 100)
    band = Band(x, x - 0.1, x + 0.1, (1, 2, 3))
    chart = CurveChart(60, 12, (0, 1), (0, 1), bands=(band,), lines=(Line(x, x, (4, 5, 6)),))
    process = DrawingProcess()
    try:
        process.wait_until_ready()
        memory = []
        for count in range(4001):
            process.draw(chart)
            if count in (2000, 4000):
                pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
        assert memory[1] < 60e6
        assert memory[1] - memory[0] < 0.4e6  # thrice as much where garbage is seldom looked for
    finally:
        process.end()
