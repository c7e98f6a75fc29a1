"""A library of runs that were never trained, which notes what it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from tests.tui.app_driver import Monitor
from tests.tui.recorded_evaluation import evaluated_run
from tests.tui.recorded_run import LAYOUT, START, ScriptedSource, recorded_run, recorded_state, run_finished, sheet
from tui_vae.config import TrainConfig
from tui_vae.errors import RunStoreError
from tui_vae.events import Event, Parameters, RunStarted
from tui_vae.run_status import ListedModel, ListedRun
from tui_vae.view.image_cells import Sheet, parse_sheet
from tui_vae.view.run_source import ComparedRuns, Preview
from tui_vae.view.state import RunState, reduce_all


def at_training(monitor: Monitor) -> bool:
    """Whether the first page of a run is shown; for a moment there is none, while those of another are made."""
    return bool(monitor.app.query("#training")) and monitor.shows("#training")


def listed(name: str, state: str = "finished", elbo: float | None = 345.5) -> ListedRun:
    models = (ListedModel("baseline", 20, 285.0), ListedModel("deep", 20, elbo))
    return ListedRun(f"/runs/{name}", name, state, models, 20, "mnist", START - 3 * 3600, 33_000_000)


class OpenedSource(ScriptedSource):
    """A run of another process, which can be controlled."""

    def __init__(self, events: Sequence[Event], directory: Path) -> None:
        super().__init__(events, directory)
        self.own = False
        self.closed = False

    def close(self) -> None:
        self.closed = True


class ScriptedLibrary:
    """Answers at once; ``refuses`` is why it does nothing, and ``unreadable`` why it lists nothing, where wanted."""

    folder = "runs"

    def __init__(self, folder: Path, *runs: ListedRun) -> None:
        self.runs = list(runs)
        self.asked: list[tuple[str, ...]] = []
        self.opened: dict[str, OpenedSource] = {}
        self.refuses: str | None = None
        self.unreadable: str | None = None
        self.lists = 0
        self.seen: set[str] = set()
        self.may_start = threading.Event()
        self.may_start.set()
        self._folder = folder

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        self.lists += 1
        self.seen = set(seen)
        if self.unreadable is not None:
            raise RunStoreError(self.unreadable)
        return list(self.runs)

    def report(self, key: str, page: str) -> None:
        self.asked.append(("report", key, page))
        if self.refuses is not None:
            raise RunStoreError(self.refuses)

    def look(self, key: str) -> ListedRun:
        return self._named(key)

    def preview(self, key: str) -> Preview:
        self.asked.append(("preview", key))
        if self._named(key).state == "damaged":
            raise RunStoreError("its log cannot be opened")
        sheets: dict[str, Sheet] = {}
        for name in ("baseline", "deep"):
            parsed = parse_sheet(sheet(name), LAYOUT)
            assert parsed is not None
            sheets[name] = parsed
        return Preview(recorded_state(), sheets)

    def compare(self, keys: Sequence[str]) -> ComparedRuns:
        self._ask("compare", *keys)
        named = [self._named(key) for key in keys]
        begun = [[self._begun(event, run) for event in recorded_run()] for run in named]
        states = tuple(reduce_all(RunState(), events) for events in begun)
        labels = tuple(f"{run.name}/deep" for run in named)
        result = reduce_all(RunState(), evaluated_run(labels))
        return ComparedRuns(states, result)

    def open(self, key: str) -> OpenedSource:
        self._ask("open", key)
        run = self._named(key)
        events = [self._begun(event, run) for event in recorded_run()]
        source = OpenedSource([*events, *(() if run.live else run_finished())], self._folder)
        self.opened[key] = source
        return source

    def rename(self, key: str, name: str) -> str:
        self._ask("rename", key, name)
        self.runs = [replace(run, key=f"/runs/{name}", name=name) if run.key == key else run for run in self.runs]
        return f"/runs/{name}"

    def delete(self, key: str) -> None:
        self._ask("delete", key)
        self.runs = [run for run in self.runs if run.key != key]

    def resume(self, key: str) -> str:
        self._ask("resume", key)
        self.runs = [replace(run, state="running") if run.key == key else run for run in self.runs]
        return key

    def stop(self, key: str) -> None:
        self._ask("stop", key)

    def check(self, train: TrainConfig) -> dict[str, Parameters]:
        self._ask("check", *map(str, train.models))
        return {spec.name: Parameters(1234, 5678, 6912) for spec in train.models if spec.network is not None}

    def start(self, arguments: Sequence[str]) -> str:
        self.may_start.wait(20)
        self._ask("start", *arguments)
        known = sum(run.name.startswith("new") for run in self.runs)
        started = listed(f"new-{known + 1}" if known else "new", "running", None)
        self.runs.insert(0, started)
        return started.key

    def export(self, key: str, form: str, folder: str) -> str:
        self._ask("export", key, form, folder)
        return f"{folder}/otter-{form}"

    def _ask(self, *asked: str) -> None:
        self.asked.append(asked)
        if self.refuses is not None:
            raise RunStoreError(self.refuses)

    def _named(self, key: str) -> ListedRun:
        return next(run for run in self.runs if run.key == key)

    @staticmethod
    def _begun(event: Event, run: ListedRun) -> Event:
        if not isinstance(event, RunStarted):
            return event
        return structs.replace(event, name=run.name, config={**event.config, "lr": len(run.name) / 1000})
