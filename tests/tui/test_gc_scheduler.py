"""When the interface has all garbage collected."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.tui.clock import Clock
from tui_vae.tui import redraw
from tui_vae.tui.redraw import GarbageScheduler


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(redraw, "time", clock)
    return clock


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The generations that were collected."""
    found: list[int] = []
    usual = gc.get_threshold()
    gc.callbacks.append(note := lambda phase, info: found.append(info["generation"]) if phase == "start" else None)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*usual)


def test_all_is_collected_now_and_then_while_no_key_is_pressed(clock: Clock, collections: list[int]) -> None:
    rests = GarbageScheduler()
    rests.begin()
    clock.now += 29
    rests.collect_if_due()
    assert 2 not in collections
    clock.now += 2
    rests.key_pressed()
    rests.collect_if_due()
    assert 2 not in collections
    clock.now += 1
    rests.collect_if_due()
    rests.collect_if_due()
    assert collections.count(2) == 1


def test_whoever_presses_keys_all_the_time_does_not_fill_the_memory(clock: Clock, collections: list[int]) -> None:
    rests = GarbageScheduler()
    rests.begin()
    gc.collect()
    collections.clear()
    kept = []
    while 2 not in collections:
        rests.key_pressed()
        rests.collect_if_due()
        kept += [[index] for index in range(10_000)]
        assert len(kept) < 5_000_000
    assert len(kept) > 100_000


def test_meanwhile_python_collects_all_by_itself_no_more_and_afterwards_again() -> None:
    usual = gc.get_threshold()
    rests = GarbageScheduler()
    rests.begin()
    assert gc.get_threshold()[:2] == usual[:2]
    assert gc.get_threshold()[2] > 1_000_000
    rests.end()
    assert gc.get_threshold() == usual
