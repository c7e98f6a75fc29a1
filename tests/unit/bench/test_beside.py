"""What a model alone loses to the interface: that it follows from groups of steps, which are what they say."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from tui_vae.bench.beside import Group, lost
from tui_vae.bench.step_probe import observe
from tui_vae.errors import TrainingError
from tui_vae.training.step_batch import StepGroup


def groups(*of: tuple[float, float], start: float = 0.0) -> list[Group]:
    """One after the other, of so many seconds, beside which the interface took so many seconds of a core."""
    begins = itertools.accumulate((seconds for seconds, _ in of), initial=start)
    return [Group(began, seconds, processor) for began, (seconds, processor) in zip(begins, of, strict=False)]


STILL = [(0.01, 0.0)] * 9


def test_what_is_lost_is_how_much_longer_groups_are_beside_the_interface() -> None:
    assert lost(groups(*STILL, (0.02, 0.008))) == pytest.approx(0.01 / 0.11)
    assert lost(groups(*STILL, (0.01, 0.008))) == pytest.approx(0, abs=1e-9)


def test_groups_are_held_against_those_of_the_same_second() -> None:
    """A machine that is half as fast from some second on has lost nothing to the interface."""
    fast, slow = [*STILL, (0.01, 0.008)], [(0.02, 0.0)] * 9
    assert lost([*groups(*fast), *groups(*slow, start=1.0)]) == pytest.approx(0, abs=1e-9)


def test_to_look_at_the_clock_is_no_work_of_the_interface() -> None:
    assert lost(groups(*[(0.01, 1e-5)] * 9, (0.02, 0.008))) == pytest.approx(0.01 / 0.11)


@pytest.mark.parametrize("of", [[], STILL[:4], [(0.01, 0.008)] * 9], ids=["none", "few", "never still"])
def test_without_groups_to_be_held_against_nothing_is_told(of: list[tuple[float, float]]) -> None:
    with pytest.raises(TrainingError, match="too short"):
        lost(groups(*of))


def test_a_group_is_noted_with_what_the_interface_s_thread_computed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface is this thread, and a trainer another that waits for it."""
    begun, go_on = threading.Event(), threading.Event()

    def take(self: StepGroup) -> None:
        begun.set()
        go_on.wait(60)

    monkeypatch.setattr(StepGroup, "take", take)
    noted: list[Group] = []
    observe(noted)
    group = StepGroup.__new__(StepGroup)
    trainer = threading.Thread(target=group.take)
    began = time.perf_counter()
    trainer.start()
    begun.wait(60)
    spent = time.thread_time()
    while time.thread_time() - spent < 0.05:
        pass
    go_on.set()
    trainer.join()
    assert len(noted) == 1
    assert noted[0].processor >= 0.05
    assert 0.05 <= noted[0].seconds <= time.perf_counter() - began
    assert noted[0].began >= began
