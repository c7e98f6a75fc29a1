"""The interface on a screen in memory, showing a run that was never trained."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.drawn_at_once import DrawnAtOnce
from tests.tui.recorded_run import ScriptedSource, known, recorded_run
from tests.tui.sparing import spare, tidying
from tui_vae.charts.curves import CurvePlot
from tui_vae.events import Event
from tui_vae.tui import MonitorApp
from tui_vae.tui.widgets.chart import Chart


@pytest.fixture
def tidied() -> Iterator[None]:
    yield from tidying()


@pytest.fixture
def open_monitor(tidied: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenMonitor:
    """Opens the interface on a recorded run, or on the events given, and waits until all of them are shown."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    spare(monkeypatch)

    @asynccontextmanager
    async def open_monitor(
        events: Iterable[Event] | None = None, size: tuple[int, int] = (140, 45), **options: Any
    ) -> AsyncIterator[Monitor]:
        source = ScriptedSource(recorded_run() if events is None else events, tmp_path)
        for name in ("own", "cannot_control", "seen"):
            setattr(source, name, options.pop(name, getattr(source, name)))
        for name, value in options.pop("env", {}).items():
            monkeypatch.setenv(name, value)
        opened = options.pop("open_source", lambda report: source)
        waits = options.pop("waits", True)
        ports = {"state": known(), "drawer": DrawnAtOnce(), "fps": 10.0}
        app = MonitorApp(opened, **(ports | options))
        async with app.run_test(size=size, notifications=True) as pilot:
            monitor = Monitor(app, pilot, source)
            if waits:
                await monitor.until(lambda: app.runs.source is not None and source.drained)
                await pilot.pause()
            try:
                yield monitor
            finally:
                # As the real thing ends: left by itself, not taken apart while it goes on drawing.
                app.exit(app.return_value)
                await pilot.pause()

    return open_monitor


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[CurvePlot]:
    """Every chart of curves that is drawn from now on, in order."""
    charts: list[CurvePlot] = []
    original = Chart._build

    def build(self: Chart) -> None:
        original(self)
        if self.curves is not None:
            charts.append(self.curves)

    monkeypatch.setattr(Chart, "_build", build)
    return charts
