"""Steps and epochs of a loop as events, on a clock that the tests set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest

from tui_vae.events import Epoch, Event, Parameters, Progress, State
from tui_vae.library import logged_model
from tui_vae.library.logged_model import HeldOut, LoggedModel
from tui_vae.training import trainer

Kind = TypeVar("Kind", bound=Event)
Values = tuple[float | None, float | None, float | None]


class Loop:
    """A loop with one model, whose time goes by as it is told."""

    def __init__(self, epochs: int | None = None, steps: int | None = None) -> None:
        self.now = 1000.0
        self.events: list[Event] = []
        self.model = LoggedModel("mine", Parameters(1, 2, 3), epochs, steps, self.events.append)

    def step(self, values: Values = (1.0, -0.5, 0.5), seconds: float = 0.0, images: int | None = None) -> None:
        self.now += seconds
        self.model.take_step(values, images, None)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Loop]:
    def make(epochs: int | None = None, steps: int | None = None) -> Loop:
        made = Loop(epochs, steps)
        monkeypatch.setattr(logged_model.time, "perf_counter", lambda: made.now)
        made.model = LoggedModel("mine", Parameters(1, 2, 3), epochs, steps, made.events.append)
        return made

    return make


def test_the_rule_of_records_is_that_of_the_trainer() -> None:
    for name in ("SECONDS_BETWEEN_PROGRESS", "SPARSEST_PROGRESS", "DENSE_PROGRESS"):
        assert getattr(logged_model, name) == getattr(trainer, name)


def test_a_record_is_due_at_most_twenty_times_a_second_and_covers_all_steps_before_it(
    loop: Callable[..., Loop],
) -> None:
    mine = loop()
    losses = np.random.default_rng(0).normal(size=2001)
    for loss in losses:
        mine.step((loss, None, None), seconds=0.001)
    records = mine.of(Progress)
    assert 39 <= len(records) <= 41
    ends = [0, *(record.step for record in records)]
    for (first, last), record in zip(itertools.pairwise(ends), records, strict=True):
        covered = losses[first:last]
        assert record.loss == pytest.approx(covered.mean())
        assert (record.loss_min, record.loss_max) == (covered.min(), covered.max())
        assert (record.reconstruction, record.kl, record.images_per_second, record.steps) == (None,) * 4


def test_records_become_sparser_in_a_long_training(loop: Callable[..., Loop]) -> None:
    mine = loop()
    for _ in range(3000):
        mine.step(seconds=0.125)
    assert len(mine.of(Progress)) == 3000
    mine.step(seconds=20_000.0)
    before = len(mine.of(Progress))
    for _ in range(100):
        mine.step(seconds=0.125)
    assert len(mine.of(Progress)) - before == 25


def test_means_are_of_the_steps_that_have_the_value(loop: Callable[..., Loop]) -> None:
    mine = loop(epochs=2)
    mine.step((9.0, None, None))
    for values in ((1.0, -4.0, None), (2.0, None, 3.0), (3.0, -6.0, None)):
        mine.step(values)
    mine.model.report()
    record = mine.of(Progress)[-1]
    assert (record.loss, record.reconstruction, record.kl) == (2.0, -5.0, 3.0)
    mine.model.finish_epoch(HeldOut(elbo=-1.5))
    train, held_out = mine.of(Epoch)
    assert (train.split, train.elbo, train.reconstruction, train.kl) == ("train", -15 / 4, -5.0, 3.0)
    assert (held_out.split, held_out.elbo, held_out.reconstruction, held_out.kl) == ("held_out", -1.5, None, None)
    assert (held_out.kl_per_latent, held_out.active_units, held_out.sigma) == (None, None, None)


def test_a_lost_loss_makes_its_mean_lost_and_hides_no_extreme(loop: Callable[..., Loop]) -> None:
    mine = loop()
    mine.step((0.0, None, None))
    for loss in (1.0, math.nan, 5.0):
        mine.step((loss, None, None))
    mine.model.report()
    record = mine.of(Progress)[-1]
    assert math.isnan(record.loss)
    assert (record.loss_min, record.loss_max) == (1.0, 5.0)


def test_images_per_second_are_those_of_the_time_without_pauses(loop: Callable[..., Loop]) -> None:
    mine = loop()
    mine.step(images=10)
    mine.step(seconds=0.5, images=100)
    mine.model.pause()
    mine.now += 1000
    mine.model.run()
    mine.step(seconds=0.25, images=100)
    mine.model.finish_epoch(HeldOut())
    assert [record.images_per_second for record in mine.of(Progress)] == [None, 200.0, 400.0]
    assert mine.of(Epoch)[-1].seconds == 0.75
    assert [state.state for state in mine.of(State)] == ["running", "paused", "running"]


def test_the_number_of_steps_is_known_after_an_epoch_or_as_it_is_given(loop: Callable[..., Loop]) -> None:
    mine = loop(epochs=4)
    for epoch in range(1, 5):
        for _ in range(10 * epoch):  # epochs of different lengths
            mine.step(seconds=1.0)
        mine.model.finish_epoch(HeldOut())
    assert {record.epoch: record.steps for record in mine.of(Progress)} == {1: None, 2: 40, 3: 60, 4: 80}
    assert mine.of(State)[-1].state == "finished"
    given = loop(epochs=4, steps=70)
    given.step()
    assert given.of(Progress)[0].steps == 70


def test_samples_are_of_the_epoch_that_was_completed_or_has_begun(loop: Callable[..., Loop]) -> None:
    mine = loop()
    assert mine.model.epoch_of_now == 0
    mine.step()
    assert mine.model.epoch_of_now == 1
    mine.model.finish_epoch(HeldOut())
    assert mine.model.epoch_of_now == 1
    mine.model.take_step((1.0, None, None), None, 50)
    assert mine.model.epoch_of_now == 2
    assert mine.of(Progress)[-1].step <= 50


def test_the_result_is_what_was_measured_last(loop: Callable[..., Loop]) -> None:
    mine = loop()
    mine.step(seconds=0.0)
    mine.model.finish_epoch(HeldOut(elbo=-2.0, kl=1.0, active_units=3))
    result = mine.model.result("finished")
    assert (result.epochs, result.elbo, result.reconstruction, result.kl) == (1, -2.0, None, 1.0)
    assert (result.active_units, result.parameters, result.limit) == (3, Parameters(1, 2, 3), None)
