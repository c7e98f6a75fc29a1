"""Epochs added and learning rates changed while a model trains, and the same again after a resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tui_vae.config import Change
from tui_vae.data import Dataset
from tui_vae.errors import RunStoreError
from tui_vae.events import Epoch, Event, ModelStarted, Progress, Schedule, State
from tui_vae.training import Engine, trainer
from tui_vae.training.saved_state import SavedState
from tui_vae.training.trainer import Trainer

from .running import DEEP, MODELS, SMALL, Run, after_each_step, identical, train
from .test_resume import same_states

OPTIONS: dict[str, Any] = {"models": (DEEP,), "batch_size": 50, "epochs": 2}
"""20 steps an epoch."""
PER_EPOCH = 20

At = Mapping[int, Callable[[Engine], object]]

MORE = Change("add_epochs", 1)
SLOWER = Change("set_learning_rate", 5e-4)


def ask(*changes: Change) -> Callable[[Engine], object]:
    return lambda engine: [engine.change("deep", change, "somebody") for change in changes]


def ask_engine(engine: Engine, change: Change) -> None:
    assert engine.change("deep", change, "somebody") is None


def stop(engine: Engine) -> None:
    engine.stop("cut")


def run(data: Dataset, at: At, **options: Any) -> Run:
    """Train, and call a function after each of the steps in ``at``."""
    with after_each_step(lambda engine, step: at.get(step, lambda engine: None)(engine)) as train_and_call:
        return train_and_call(data, **(OPTIONS | options))


@pytest.fixture(scope="module")
def changed(small_mnist: Dataset) -> Run:
    """A training changed after step 15 of 40 and never cut."""
    return run(small_mnist, {15: ask(MORE, SLOWER)})


def test_added_epochs_are_trained_and_told(changed: Run) -> None:
    assert [e.epoch for e in changed.of(Epoch) if e.split == "held_out"] == [1, 2, 3]
    assert changed.store.latest["deep"][-1].course.step == 3 * PER_EPOCH
    schedules = [(e.step, e.steps, e.epochs, e.lr, e.by) for e in changed.of(Schedule)]
    assert schedules == [(15, 60, 3, 2e-3, "somebody"), (15, 60, 3, 5e-4, "somebody")]
    assert {e.steps for e in changed.of(Progress) if e.step > 15} == {60}
    assert changed.engine.exit_code == 0


def test_the_schedule_is_that_of_the_new_total_from_the_next_step_on(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, int, int]] = []
    original = trainer.learning_rate

    def recorded(schedule: str, peak: float, step: int, steps: int) -> float:
        asked.append((peak, step, steps))
        return original(schedule, peak, step, steps)

    monkeypatch.setattr(trainer, "learning_rate", recorded)
    run(small_mnist, {15: ask(MORE, SLOWER)})
    assert asked == [(2e-3, step, 40) for step in range(15)] + [(5e-4, step, 60) for step in range(15, 60)]


def test_what_is_changed_changes_the_weights(changed: Run, small_mnist: Dataset) -> None:
    assert not identical(changed.weights("deep"), train(small_mnist, **(OPTIONS | {"epochs": 3})).weights("deep"))


@pytest.mark.parametrize("cut", [15, 16, 20, 33, 40, 59])
def test_changed_and_resumed_it_ends_where_the_uninterrupted_one_does(
    changed: Run, small_mnist: Dataset, cut: int
) -> None:
    def both(engine: Engine) -> None:
        ask(MORE, SLOWER)(engine)
        stop(engine)

    first = run(small_mnist, {15: both} if cut == 15 else {15: ask(MORE, SLOWER), cut: stop})
    saved = first.store.latest["deep"][-1]
    assert saved.course.step == cut
    second = run(small_mnist, {}, saved={"deep": saved})
    assert same_states(second.store.latest["deep"][-1], changed.store.latest["deep"][-1])
    assert second.names("deep")[:3] == ["model_started", "schedule", "running"]
    (schedules,) = second.of(Schedule)
    assert (schedules.step, schedules.steps, schedules.epochs, schedules.lr) == (cut, 60, 3, 5e-4)


def test_killed_after_a_change_the_newest_checkpoint_has_it(changed: Run, small_mnist: Dataset) -> None:
    """A checkpoint is saved at once, so that it agrees with the log."""
    saved = next(saved for saved in changed.store.latest["deep"] if saved.course.step == 15)
    assert saved.course.plan is not None
    assert (saved.course.plan.epochs, saved.course.plan.lr) == (3, 5e-4)
    again = run(small_mnist, {}, saved={"deep": saved})
    assert same_states(again.store.latest["deep"][-1], changed.store.latest["deep"][-1])


def test_an_option_typed_to_resume_wins_over_what_was_changed(small_mnist: Dataset) -> None:
    saved = run(small_mnist, {15: ask(MORE, SLOWER), 18: stop}).store.latest["deep"][-1]
    again = run(small_mnist, {}, saved={"deep": saved}, epochs=4)
    (schedules,) = again.of(Schedule)
    assert (schedules.epochs, schedules.lr) == (4, 5e-4)
    again = run(small_mnist, {}, saved={"deep": saved}, epochs=4, lr=1e-3)
    assert again.of(Schedule) == []
    assert again.store.latest["deep"][-1].course.step == 4 * PER_EPOCH


def test_an_older_checkpoint_without_a_plan_follows_the_options(small_mnist: Dataset) -> None:
    saved = run(small_mnist, {18: stop}).store.latest["deep"][-1]
    course = saved.to_json()
    del course["plan"]
    old = SavedState.restored(saved.weights, saved.optimizer, json.loads(json.dumps(course)))
    assert old.course.plan is None
    again = run(small_mnist, {}, saved={"deep": old})
    assert same_states(again.store.latest["deep"][-1], train(small_mnist, **OPTIONS).store.latest["deep"][-1])


@pytest.mark.parametrize(("epochs", "lr"), [(0, 1e-3), (3, 0.0), (3, None)])
def test_a_checkpoint_with_a_plan_that_cannot_be_is_refused(
    changed: Run, small_mnist: Dataset, epochs: int, lr: float | None
) -> None:
    saved = changed.store.latest["deep"][-1]
    course = saved.to_json()
    course["plan"] |= {"epochs": epochs, "lr": lr}
    state = SavedState.restored(saved.weights, saved.optimizer, course)
    context = changed.engine._context
    with pytest.raises(RunStoreError, match="cannot be"):
        state.check(MODELS(DEEP, context.config, seed=0), context.config, len(small_mnist.train))


def test_a_paused_model_takes_changes_at_once_and_stays_paused(changed: Run, small_mnist: Dataset) -> None:
    def steer(engine: Engine, event: Event) -> None:
        if isinstance(event, State) and event.state == "paused":
            engine.change("deep", MORE, "somebody")
            engine.change("deep", SLOWER, "somebody")
        if isinstance(event, Schedule) and event.lr == SLOWER.value:
            engine.resume("deep")

    paused = run(small_mnist, {15: lambda engine: engine.pause("deep")}, sinks=[steer])
    assert same_states(paused.store.latest["deep"][-1], changed.store.latest["deep"][-1])
    names = [name for name in paused.names("deep") if name in ("paused", "running", "schedule")]
    assert names == ["running", "paused", "schedule", "schedule", "running"]


def test_asked_during_the_last_measurement_it_still_counts(small_mnist: Dataset) -> None:
    def last_moment(engine: Engine, event: Event) -> None:
        if isinstance(event, Epoch) and event.epoch == 2 and event.split == "held_out":
            engine.change("deep", MORE, "somebody")

    late = run(small_mnist, {}, sinks=[last_moment])
    assert [e.epoch for e in late.of(Epoch) if e.split == "held_out"] == [1, 2, 3]
    assert late.names("deep").count("finished") == 1


def test_a_model_that_has_ended_refuses_and_others_take_it(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str | None] = []

    def after_the_first(engine: Engine, event: Event) -> None:
        if isinstance(event, State) and event.state == "finished" and event.model == "small":
            answers.extend(engine.change(name, MORE, "somebody") for name in ("small", "deep"))

    rate = Trainer._learning_rate

    def wait_for_the_other(self: Trainer, step: int) -> float:
        while self._spec == DEEP and step == 39 and not answers:
            pass
        return rate(self, step)

    monkeypatch.setattr(Trainer, "_learning_rate", wait_for_the_other)
    both = run(small_mnist, {}, models=(SMALL, DEEP), sinks=[after_the_first])
    assert answers == ["small has ended; to train it on, resume the run with more --epochs", None]
    assert {e.model: e.epoch for e in both.of(Epoch)} == {"small": 2, "deep": 3}


def test_a_finished_model_of_a_resumed_run_can_be_given_more_before_it_is_reported(small_mnist: Dataset) -> None:
    saved = train(small_mnist, **OPTIONS).store.latest["deep"][-1]
    more = run(small_mnist, {}, saved={"deep": saved}, before=lambda engine: ask_engine(engine, MORE))
    assert more.names("deep")[:3] == ["model_started", "running", "schedule"]
    assert len(more.of(ModelStarted)) == 1
    assert more.store.latest["deep"][-1].course.step == 3 * PER_EPOCH
