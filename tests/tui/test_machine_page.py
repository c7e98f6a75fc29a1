"""The page of the machine, and the few words about it above every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_machine import RecordedMachine, reading
from tests.tui.scripted_library import ScriptedLibrary, listed
from tui_vae.charts.description import Face
from tui_vae.charts.drawing import draw
from tui_vae.tui.pages.machine import ChartLine, Parts, header, machine_lines


async def test_it_shows_curves_with_values_units_and_the_share_of_this_process(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), machine=RecordedMachine()) as monitor:
        await monitor.press("6")
        await monitor.until_shown("100 %┤")
        page = monitor.panel("#machine-view")
        for text in ("100 %┤", "memory", "9.1/25.3 GB", "own  5.5 GB", "own  54 %", "87 %", "last 5 min"):
            assert text in page
        assert "gpu" not in page
        assert monitor.focused == "machine-view"


async def test_many_gpus_are_scrolled(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), machine=RecordedMachine(gpus=8)) as monitor:
        await monitor.press("6")
        await monitor.until_shown("gpu0 NVIDIA H100")
        assert "gpu7" not in monitor.panel("#machine-view")
        await monitor.press("end")
        await monitor.until_shown("gpu7 NVIDIA H100")
        assert " 55 °C" in monitor.panel("#machine-view")


async def test_a_new_reading_changes_the_curves(open_monitor: OpenMonitor) -> None:
    machine = RecordedMachine()
    async with open_monitor(size=(80, 24), machine=machine) as monitor:
        await monitor.press("6")
        await monitor.until_shown(" 87 %")
        machine.recorded.append(reading(300, cpu=0.03))
        await monitor.until_shown("  3 %")


async def test_before_the_first_reading_it_says_what_it_waits_for(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), machine=RecordedMachine(seconds=0)) as monitor:
        await monitor.press("6")
        await monitor.until_shown("waiting for the first reading")


async def test_readings_are_taken_while_the_interface_is_there(open_monitor: OpenMonitor) -> None:
    machine = RecordedMachine()
    async with open_monitor(machine=machine):
        assert machine.began
        assert not machine.stopped
    assert machine.stopped


async def test_above_every_page_there_are_as_many_values_as_have_room(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 24), machine=RecordedMachine(gpus=1)) as monitor:
        assert "cpu  87 % · mem  9.1/25.3 GB · gpu0  29 %" in monitor.panel("#status")
        await monitor.resize(100, 24)
        await monitor.until(lambda: "cpu  87 %" in monitor.panel("#status"))
        assert "gpu0" not in monitor.panel("#status")
        await monitor.resize(60, 24)
        await monitor.until(lambda: "mem" not in monitor.panel("#status"))


def drawn(lines: list[Parts]) -> list[str]:
    """The text of lines, their charts drawn."""
    pictures = {id(part.chart): draw(part.chart) for line in lines for part in line if isinstance(part, ChartLine)}
    return [
        "".join(
            part.plain if isinstance(part, Text) else "".join(span.text for span in pictures[id(part.chart)][part.row])
            for part in line
        )
        for line in lines
    ]


@pytest.mark.parametrize("width", [20, 76, *(pytest.param(width, marks=pytest.mark.long) for width in (38, 138, 298))])
@pytest.mark.parametrize("gpus", [0, 3])
def test_no_line_is_wider_than_the_page_nor_higher_where_there_is_room(width: int, gpus: int) -> None:
    readings = [reading(second, gpus) for second in range(300)]
    least = len(machine_lines(readings, width, 1, Face.COLOURS))
    for height in (least, least + 10, 60):
        lines = drawn(machine_lines(readings, width, height, Face.COLOURS))
        assert all(len(line) <= width for line in lines)
        assert len(lines) <= height


def test_headings_hold_their_places_whatever_the_numbers() -> None:
    quiet = machine_lines([reading(0, cpu=0.02, own_cpu=0.01, memory_used=10**9)], 80, 10, Face.COLOURS)
    busy = machine_lines([reading(0, cpu=1.0, own_cpu=1.0, memory_used=22 * 10**9)], 80, 10, Face.COLOURS)
    places = [[at for at, c in enumerate(drawn(lines)[0]) if c in "%/G█"] for lines in (quiet, busy)]
    assert places[0] == places[1]


def test_what_is_not_known_is_a_dash_and_no_curve() -> None:
    unknown = reading(0, cpu=None, own_cpu=None, own_memory=None)
    text = "\n".join(drawn(machine_lines([unknown], 80, 10, Face.COLOURS)))
    assert "– %" in text
    assert "this process" not in text
    assert header(unknown)[0] == "cpu   – %"


def test_a_container_is_named() -> None:
    (text, *_) = drawn(machine_lines([reading(0, contained=True, cores=1.5)], 120, 40, Face.COLOURS))
    assert "CPU, 1.5 cores of the container" in text


async def test_the_share_that_is_marked_is_of_whoever_trains_the_run_that_is_shown(
    open_monitor: OpenMonitor, tmp_path: Path
) -> None:
    machine, library = RecordedMachine(), ScriptedLibrary(tmp_path, listed("lynx"))
    async with open_monitor(size=(80, 24), machine=machine, library=library) as monitor:
        await monitor.until(lambda: machine.subject == monitor.source.trainer())
        await monitor.press("0")
        await monitor.until_shown("lynx")
        await monitor.press("enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        await monitor.until(lambda: machine.subject == library.opened["/runs/lynx"].trainer())
