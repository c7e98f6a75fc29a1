"""Random keys, sizes, mouse and pastes: never an exception, and always a screen that is filled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.random_use import Deed, deeds, do
from tests.tui.recorded_evaluation import evaluated_run
from tests.tui.recorded_machine import RecordedMachine
from tests.tui.recorded_run import NAMES, checkpoint, epoch, progress, recorded_run, run_finished, samples
from tests.tui.scripted_library import ScriptedLibrary, listed
from tui_vae.tui.pages.runs import page as runs_page
from tui_vae.view.state import RunState

QUICK = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=150, derandomize=False, phases=[Phase.generate, Phase.shrink], print_blob=True)
STORED = [*recorded_run(), *(checkpoint(name, 6) for name in NAMES), *evaluated_run()]
RUNS: dict[str, dict[str, Any]] = {
    "trains": {},
    "finished": {"events": [*STORED, *run_finished()]},
    "nothing yet": {"events": []},
    "none open": {"open_source": None, "waits": False, "state": RunState()},
}


async def use(open_monitor: OpenMonitor, library: ScriptedLibrary, run: str, todo: Sequence[Deed]) -> None:
    """Do it all, looking at the screen after each; what leaves the interface ends it."""
    options = {"events": STORED, "library": library, "machine": RecordedMachine(gpus=2)} | RUNS[run]
    async with open_monitor(size=(80, 24), **options) as monitor:
        steps = count(601)
        for deed in todo:
            if run == "trains":
                emit(monitor, next(steps))
            await do(monitor, deed)
            if not monitor.app.is_running or monitor.app.return_value is not None or monitor.app._exception:
                break
            await monitor.until(lambda: is_filled(monitor))


def emit(monitor: Monitor, step: int) -> None:
    """What a run goes on saying."""
    for name in NAMES:
        monitor.source.feed(progress(name, step))
        if step % 5 == 0:
            number = 7 + (step - 600) // 5
            monitor.source.feed(epoch(name, number), samples(name, number), checkpoint(name, number))


def is_filled(monitor: Monitor) -> bool:
    width, height = monitor.app.size
    strips = monitor.strips
    seen = width < 20 or height < 5 or any(strip.text.strip() for strip in strips)
    return seen and [strip.cell_length for strip in strips] == [width] * height


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedLibrary:
    monkeypatch.chdir(tmp_path)  # where pictures and curves of runs of others are written
    monkeypatch.setattr(runs_page, "SECONDS_BETWEEN_LISTS", 0.05)
    monkeypatch.setattr(runs_page, "SECONDS_TO_REST", 0.0)
    return ScriptedLibrary(tmp_path, listed("gecko", "running"), listed("lynx", "stopped", 301.5), listed("swan"))


@pytest.mark.parametrize("run", ["trains"])
@QUICK
@given(todo=st.lists(deeds, min_size=20, max_size=40))
async def test_nothing_breaks(open_monitor: OpenMonitor, library: ScriptedLibrary, run: str, todo: list[Deed]) -> None:
    await use(open_monitor, library, run, todo)


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("run", RUNS)
@LONG
@given(todo=st.lists(deeds, min_size=20, max_size=80))
async def test_nothing_breaks_in_minutes(
    open_monitor: OpenMonitor, library: ScriptedLibrary, run: str, todo: list[Deed]
) -> None:
    await use(open_monitor, library, run, todo)
