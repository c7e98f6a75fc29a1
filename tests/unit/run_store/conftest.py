"""A run directory, processes that write it, and heartbeats that come fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.run_store.leases import Writer, new_run
from tui_vae.run_store import RunDirectory, lease


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return new_run(tmp_path)


@pytest.fixture
def writer(run: RunDirectory) -> Iterator[Callable[..., Writer]]:
    started: list[Writer] = []

    def start(**options: float) -> Writer:
        started.append(Writer(run, **options))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_TICKS", 0.01)
    monkeypatch.setattr(lease, "SECONDS_BETWEEN_BEATS", 0.03)
