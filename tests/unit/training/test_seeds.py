"""A run of several seeds: each model as a run of its own seed trains it, no more of them at once than one seed has."""

from __future__ import annotations

import threading

import pytest

from tests.unit.training.running import DEEP, PATIENCE, SMALL, identical, resolved, train
from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.events import Epoch, RunFinished, State
from tui_vae.training import Engine


@pytest.mark.parametrize("seed", [3, 4])
def test_a_model_of_a_seed_is_that_of_a_run_with_this_seed(tiny_mnist: Dataset, seed: int) -> None:
    several = train(tiny_mnist, seed=3, seeds=2, epochs=1)
    alone = train(tiny_mnist, seed=seed, epochs=1)
    for spec in (SMALL, DEEP):
        assert identical(several.weights(f"{spec.name}@{seed}"), alone.weights(spec.name))
        epochs = [run.of(Epoch, name)[-1] for run, name in ((several, f"{spec.name}@{seed}"), (alone, spec.name))]
        assert epochs[0].elbo == epochs[1].elbo


def test_models_of_different_seeds_differ(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, models=(SMALL,), seeds=2, epochs=1)
    assert not identical(run.weights("small@0"), run.weights("small@1"))


def test_no_more_train_at_once_than_one_seed_has_and_the_first_seed_begins(tiny_mnist: Dataset) -> None:
    assert resolved(tiny_mnist, seeds=3).at_once == 2
    together = threading.Barrier(2, timeout=PATIENCE)

    def wait_for_another(spec: ModelSpec) -> None:
        """Every trainer asks for this before it begins: it breaks if there are not two at once."""
        together.wait()

    run = train(tiny_mnist, seeds=3, epochs=1, find_limit=wait_for_another)
    running: set[str] = set()
    begun: list[str] = []
    for event in run.of(State):
        if event.state == "running":
            running.add(event.model)
            begun.append(event.model)
        else:
            running.discard(event.model)
        assert len(running) <= 2
    assert set(begun[:2]) == {"small@0", "deep@0"}
    assert len(begun) == 6
    assert not together.broken


def test_a_stop_ends_those_that_wait_as_well(tiny_mnist: Dataset) -> None:
    def stop(engine: Engine, event: object) -> None:
        if isinstance(event, Epoch):
            engine.stop("enough")

    run = train(tiny_mnist, seeds=3, epochs=50, sinks=(stop,))
    (finished,) = run.of(RunFinished)
    assert finished.status == "stopped"
    assert [result.state for result in finished.models] == ["stopped"] * 6


def test_what_is_to_be_done_at_the_end_is_done_before_the_run_is_told_to_be_finished(tiny_mnist: Dataset) -> None:
    seen: list[tuple[bool, bool, int]] = []

    def conclude(results: object) -> None:
        assert isinstance(results, tuple)
        seen.append((run_engine[0].trained, run_engine[0].finished, len(results)))

    run_engine: list[Engine] = []
    run = train(tiny_mnist, epochs=1, conclude=conclude, before=run_engine.append)
    assert seen == [(True, False, 2)]
    assert isinstance(run.events[-1], RunFinished)
