"""Drawers of scripted charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.charts.watched_drawer import Watched


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    opened: list[Watched] = []

    def watch(*command: str) -> Watched:
        opened.append(Watched(*([command] if command else [])))
        return opened[-1]

    yield watch
    for one in opened:
        one.drawer.close()


@pytest.fixture
def watched(watch: Callable[..., Watched]) -> Watched:
    return watch()
