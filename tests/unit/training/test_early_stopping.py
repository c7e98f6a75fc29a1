"""A model that no longer gets better on held-out images is stopped when told so."""

from __future__ import annotations

from typing import Any

import pytest

from tui_vae.config import Change, ended_early
from tui_vae.data import Dataset
from tui_vae.events import Epoch, Event, RunFinished, State
from tui_vae.training import Engine, trainer
from tui_vae.training.accumulators import Totals

from .running import DEEP, train

OPTIONS: dict[str, Any] = {"models": (DEEP,), "batch_size": 100, "epochs": 6}


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The held-out ELBO falls from the second epoch on."""
    original = trainer.validate
    calls = iter(range(100))

    def worse(*args: Any, **named: Any) -> Totals | None:
        totals = original(*args, **named)
        assert totals is not None
        totals.reconstruction -= 1e6 * max(0, next(calls) - 1) * totals.images
        return totals

    monkeypatch.setattr(trainer, "validate", worse)


def epochs(events: list[Epoch]) -> list[int]:
    return [event.epoch for event in events if event.split == "held_out"]


@pytest.mark.parametrize(
    ("epoch", "best", "patience", "expected"),
    [
        (0, None, 1, None),
        (5, 5, 1, None),
        (9, 7, 3, None),
        (10, 7, 3, "early stopping: best epoch 7, 3 epochs without a rise"),
        (8, 7, 1, "early stopping: best epoch 7, 1 epoch without a rise"),
        (90, 7, 0, None),
    ],
)
def test_when_it_ends(epoch: int, best: int | None, patience: int, expected: str | None) -> None:
    assert ended_early(epoch, best, patience) == expected


@pytest.mark.usefixtures("falling")
def test_a_model_ends_finished_with_the_reason(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, **OPTIONS, patience=2)
    assert epochs(run.of(Epoch)) == [1, 2, 3, 4]
    end = run.of(State)[-1]
    assert (end.state, end.reason) == ("finished", "early stopping: best epoch 2, 2 epochs without a rise")
    assert run.engine.exit_code == 0
    (finished,) = run.of(RunFinished)
    assert (finished.status, finished.models[0].epochs) == ("finished", 4)
    assert run.store.best["deep"][-1].course.epoch == 2


@pytest.mark.usefixtures("falling")
def test_without_patience_and_while_it_rises_nothing_is_stopped(tiny_mnist: Dataset) -> None:
    assert epochs(train(tiny_mnist, **OPTIONS).of(Epoch)) == [1, 2, 3, 4, 5, 6]


def test_a_model_that_gets_better_has_all_its_epochs(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, **OPTIONS, patience=1)
    assert epochs(run.of(Epoch)) == [1, 2, 3, 4, 5, 6]
    assert run.of(State)[-1].reason is None


@pytest.mark.usefixtures("falling")
def test_the_count_goes_on_after_a_resume_and_more_patience_goes_on(tiny_mnist: Dataset) -> None:
    def stop_after_third(engine: Engine, event: Event) -> None:
        if isinstance(event, Epoch) and event.epoch == 3:
            engine.stop("cut")

    first = train(tiny_mnist, sinks=[stop_after_third], **OPTIONS, patience=2)
    assert epochs(first.of(Epoch)) == [1, 2, 3]
    saved = first.store.latest["deep"][-1]
    second = train(tiny_mnist, saved={"deep": saved}, **OPTIONS, patience=2)
    assert epochs(second.of(Epoch)) == [4]
    ended = second.store.latest["deep"][-1]
    again = train(tiny_mnist, saved={"deep": ended}, **OPTIONS, patience=2)
    assert again.names("deep") == ["finished"]
    assert again.of(State)[-1].reason == "early stopping: best epoch 2, 2 epochs without a rise"
    assert epochs(train(tiny_mnist, saved={"deep": ended}, **OPTIONS, patience=3).of(Epoch)) == [5]


@pytest.mark.usefixtures("falling")
def test_added_epochs_do_not_undo_it(tiny_mnist: Dataset) -> None:
    run = train(
        tiny_mnist,
        before=lambda engine: print(engine.change("deep", Change("add_epochs", 3), "x")),
        **OPTIONS,
        patience=2,
    )
    assert epochs(run.of(Epoch)) == [1, 2, 3, 4]
