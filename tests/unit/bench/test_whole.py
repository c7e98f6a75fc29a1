"""Whole trainings with the interface against without: that they are taken in turn, and what follows from their logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.trained_runs import trained_run
from tui_vae.bench import whole
from tui_vae.bench.whole import Training, measure_whole
from tui_vae.events import Epoch
from tui_vae.runs import read_log


def test_pairs_are_taken_in_turn_and_their_ratios_told(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    seconds = iter(range(1, 100))

    def training(kind: str, seconds: float) -> Training:
        order.append(kind)
        return Training(seconds, {"deep": 1000 / seconds})

    monkeypatch.setattr(whole, "_headless", lambda epochs: training("headless", 9.0))
    monkeypatch.setattr(whole, "_with_interface", lambda epochs: training("interface", 9.0 + next(seconds)))
    all_of_it, deep, headless = measure_whole(repeat=2, epochs=3, report=lambda text: None)
    assert order == ["headless", "interface", "interface", "headless"] * 3
    assert (all_of_it.name, all_of_it.repetitions) == ("interface at 140x45 / headless", 6)
    assert (all_of_it.low, all_of_it.high) == (pytest.approx(9 / 15), pytest.approx(9 / 10))
    assert all_of_it.median == pytest.approx((9 / 12 + 9 / 13) / 2)
    assert deep.median == pytest.approx(all_of_it.median)
    assert headless.median == pytest.approx(1000 / 9)


def test_a_training_takes_from_its_first_step_to_its_last_epoch(tmp_path: Path) -> None:
    run = trained_run(tmp_path, "otter", epochs=3)
    training = Training.of(run.log)
    epochs = [event for event in read_log(run.log) if isinstance(event, Epoch)]
    trained = sum(event.seconds for event in epochs if event.split == "train" and event.model == "deep")
    assert trained <= training.seconds <= epochs[-1].t - next(iter(read_log(run.log))).t
    assert set(training.rates) == {"linear", "deep"}
