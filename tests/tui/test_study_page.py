"""The page of a study: its trials, its chart, and every key of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import START
from tests.tui.scripted_library import ScriptedLibrary, at_training, listed
from tui_vae.errors import RunStoreError
from tui_vae.run_status import ListedModel, ListedRun
from tui_vae.tui.pages.runs import page as runs_page
from tui_vae.tui.pages.runs import study as study_page
from tui_vae.tui.screens.dialogs import StopScreen
from tui_vae.view.run_source import HELD_OUT_ELBO, StudyListing
from tui_vae.view.state import RunState
from tui_vae.view.study_answer import StudyLine

NOTHING_OPEN: dict[str, Any] = {"open_source": None, "waits": False, "state": RunState()}


@pytest.fixture(autouse=True)
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (runs_page, study_page):
        monkeypatch.setattr(module, "SECONDS_BETWEEN_LISTS", 0.05)
        monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.02)


def trial(name: str, state: str, epoch: int, node: str | None = None) -> ListedRun:
    models = (ListedModel("deep", epoch, 300.0 + epoch),) if epoch else ()
    began = START - 3 * 3600 if state != "waiting" else None
    return ListedRun(f"/runs/trend/{name}", name, state, models, 20, "mnist", began, node=node)


class ScriptedTrials:
    """A study of four trials, which notes what it is asked for."""

    name = "trend"

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.stopped: list[str | None] = []
        self.refuses: str | None = None
        self.runs = (
            trial("deep-seed1", "running", 7, "ada"),
            trial("linear-seed0", "finished", 20),
            trial("deep-seed0", "finished", 20),
            trial("linear-seed1", "waiting", 0),
        )

    def look(self, seen: Collection[str] = ()) -> StudyListing:
        metrics = (HELD_OUT_ELBO, "frechet_distance")
        return StudyListing(self.runs, "2 of 4 finished, 1 running", metrics, ("parameters", "sigma"))

    def lines(self, metric: str, axis: str) -> tuple[StudyLine, ...]:
        self.asked.append((metric, axis))
        x = (1_000.0, 100_000.0) if axis == "parameters" else (0.2, 0.5)
        marks = ((x[0], 0, 300.0), (x[1], 0, 320.0), (x[1], 1, 324.0))
        return (StudyLine("of " + axis, x, (300.0, 322.0), (None, (310.0, 334.0)), marks),)

    def stop(self, trial: str | None) -> None:
        if self.refuses is not None:
            raise RunStoreError(self.refuses)
        self.stopped.append(trial)


class LibraryWithStudy(ScriptedLibrary):
    def __init__(self, folder: Path) -> None:
        row = ListedRun("/runs/trend", "trend", "running", began=START - 3600, trials=(2, 4))
        super().__init__(folder, listed("swan"), row)
        self.trials = ScriptedTrials()

    def study(self, key: str) -> ScriptedTrials:
        self._ask("study", key)
        return self.trials

    def _named(self, key: str) -> ListedRun:
        known = [*self.runs, *(replace(run, models=listed("x").models) for run in self.trials.runs)]
        return next(run for run in known if run.key == key)


@pytest.fixture
def library(tmp_path: Path) -> LibraryWithStudy:
    return LibraryWithStudy(tmp_path)


def row(monitor: Monitor, name: str) -> str:
    return next(line for line in monitor.panel("#study-body").splitlines() if name in line)


async def in_study(monitor: Monitor) -> None:
    await monitor.until_shown("deep-seed1")
    await monitor.until_shown("held-out ELBO")
    await monitor.settle()


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=str)
async def test_it_lists_the_trials_and_draws_a_metric(
    open_monitor: OpenMonitor, library: LibraryWithStudy, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library, study="/runs/trend", **NOTHING_OPEN) as monitor:
        await in_study(monitor)
        assert row(monitor, "deep-seed1").strip("│ ").split()[:4] == ["deep-seed1", "running", "7/20", "307.0"]
        assert "ada" in row(monitor, "deep-seed1")
        assert row(monitor, "linear-seed1").strip("│ ").split()[:3] == ["linear-seed1", "waiting", "0/20"]
        assert "trend · 2 of 4 finished, 1 running" in monitor.text
        assert "held-out ELBO, nats ↑ over parameters" in monitor.text
        assert "100k" in monitor.panel("#study-chart")


async def test_v_and_x_choose_the_metric_and_the_axis(open_monitor: OpenMonitor, library: LibraryWithStudy) -> None:
    async with open_monitor(library=library, study="/runs/trend", **NOTHING_OPEN) as monitor:
        await in_study(monitor)
        await monitor.press("v")
        await monitor.until_shown("Fréchet distance ↓ over parameters")
        await monitor.press("x")
        await monitor.until_shown("Fréchet distance ↓ over sigma")
        await monitor.until_shown("of sigma")
        await monitor.press("V")
        await monitor.until_shown("held-out ELBO, nats ↑ over sigma")
        assert ("frechet_distance", "sigma") in library.trials.asked


async def test_enter_shows_a_trial_and_esc_goes_back(open_monitor: OpenMonitor, library: LibraryWithStudy) -> None:
    async with open_monitor(library=library, study="/runs/trend", **NOTHING_OPEN) as monitor:
        await in_study(monitor)
        await monitor.press("down", "enter")
        await monitor.until(lambda: at_training(monitor))
        assert ("open", "/runs/trend/linear-seed0") in library.asked
        await monitor.press("escape")
        await monitor.until(lambda: monitor.shows("#study"))
        await monitor.press("end", "enter")
        await monitor.until_shown("linear-seed1 has not begun")
        await monitor.press("escape")
        await monitor.until(lambda: monitor.shows("#runs"))


async def test_it_is_opened_from_its_row_among_the_runs(open_monitor: OpenMonitor, library: LibraryWithStudy) -> None:
    async with open_monitor(library=library) as monitor:
        await monitor.press("0")
        await monitor.until_shown("study · 2 of 4 trials")
        await monitor.press("down", "r")
        await monitor.until_shown("tui-vae study trend")
        await monitor.press("enter")
        await in_study(monitor)
        assert ("study", "/runs/trend") in library.asked


async def test_s_stops_a_trial_that_trains_or_all(open_monitor: OpenMonitor, library: LibraryWithStudy) -> None:
    async with open_monitor(library=library, study="/runs/trend", **NOTHING_OPEN) as monitor:
        await in_study(monitor)
        await monitor.press("S")
        await monitor.until(lambda: isinstance(monitor.app.screen, StopScreen))
        await monitor.press("o")
        await monitor.until(lambda: library.trials.stopped == ["deep-seed1"])
        await monitor.press("S", "escape")
        await monitor.press("down", "S")
        await monitor.until(lambda: isinstance(monitor.app.screen, StopScreen))
        await monitor.press("o")  # this one does not train
        await monitor.press("s")
        await monitor.until(lambda: library.trials.stopped == ["deep-seed1", None])
        library.trials.refuses = "trend is not being trained by any process"
        await monitor.press("S", "s")
        await monitor.until_shown("not being trained by any process")
        await monitor.press("n")
        await monitor.until_shown("tui-vae study trend --seeds N")
        await monitor.press("ctrl+p", *"study: metric")
        await monitor.until_shown("Study: metric")
