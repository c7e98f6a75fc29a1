"""How a trial is shown, and how long those that are left will take."""

from __future__ import annotations

import pytest

from tui_vae.config import ModelSpec
from tui_vae.config.study import Setting, plan
from tui_vae.run_status import ListedModel, ListedRun, ListState
from tui_vae.view.study import TrialRow, counts, estimated_seconds, seconds_left

MODELS = (ModelSpec("small", (8,)), ModelSpec("large", (2048, 2048)))


def rows(seeds: int = 2, **vary: list[Setting]) -> list[TrialRow]:
    vary = vary or {"epochs": [10]}
    study = plan("trend", {"models": MODELS, "seeds": seeds}, vary, lambda name: name, now=0.0)
    return [TrialRow(trial, config) for trial, config in study.configs()]


def with_run(row: TrialRow, state: ListState, *, epoch: int = 10, seconds: float | None = None) -> TrialRow:
    ended = None if seconds is None else 100.0 + seconds
    models = (ListedModel(row.trial.model, epoch),)
    run = ListedRun(f"/runs/{row.trial.id}", row.trial.id, state, models, 10, "mnist", 100.0, ended=ended)
    return TrialRow(row.trial, row.config, run)


def test_a_trial_waits_until_its_run_has_begun() -> None:
    row = rows()[0]
    assert (row.state, row.epoch, row.seconds) == ("waiting", 0, None)
    assert with_run(row, "empty").state == "waiting"
    running = with_run(row, "running", epoch=3)
    assert (running.state, running.epoch, running.seconds) == ("running", 3, None)
    finished = with_run(row, "finished", seconds=60.0)
    assert (finished.state, finished.seconds) == ("finished", 60.0)
    assert with_run(row, "stopped", seconds=60.0).seconds is None
    assert counts([row, running, finished, finished]) == {"waiting": 1, "running": 1, "finished": 2}


def test_without_a_finished_trial_nothing_is_estimated() -> None:
    found = [with_run(row, "running", epoch=5) for row in rows()]
    assert estimated_seconds(found) == [None] * 4
    assert seconds_left(found, 2) is None


def test_another_seed_takes_the_median_of_those_that_are_finished() -> None:
    found = rows(seeds=4)
    for number, seconds in ((0, 10.0), (2, 12.0), (4, 500.0)):  # the third was interrupted for a while
        found[number] = with_run(found[number], "finished", seconds=seconds)
    assert estimated_seconds(found)[6] == 12.0


def test_another_setting_of_a_model_takes_as_long_by_its_work() -> None:
    found = rows(seeds=1, epochs=[10, 30])
    found[0] = with_run(found[0], "finished", seconds=10.0)
    assert estimated_seconds(found)[2] == pytest.approx(30.0)


def test_a_larger_model_takes_longer_and_a_tiny_one_not_nothing() -> None:
    small, large = (row.work for row in rows(seeds=1))
    # 2048 wide: some 14 million multiplications an image, against 13 thousand and the rest of a step.
    assert 30 < large / small < 200


def test_the_time_left_is_divided_over_those_that_train_at_once() -> None:
    found = rows(seeds=4)
    found = [with_run(row, "finished", seconds=40.0) if row.trial.seed == 0 else row for row in found]
    assert seconds_left(found, 1) == pytest.approx(6 * 40.0)
    assert seconds_left(found, 4) == pytest.approx(6 * 40.0 / 4)
    assert seconds_left(found, 100) == pytest.approx(40.0)
    half = [with_run(row, "running", epoch=5) if row.trial.seed == 1 else row for row in found]
    assert seconds_left(half, 1) == pytest.approx(5 * 40.0)
    done = [with_run(row, "finished", seconds=40.0) for row in found]
    assert seconds_left(done, 1) == 0.0
