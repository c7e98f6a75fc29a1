"""Several models at once: they do not affect each other, and each end is reported."""

from __future__ import annotations

import threading

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset, Split
from tui_vae.errors import ExitCode
from tui_vae.events import Checkpoint, Epoch, Event, Progress, RunFinished, State
from tui_vae.model import VAE, ElboTerms
from tui_vae.training import Broadcast, Engine, TrainingContext

from .running import (
    DEEP,
    PATIENCE,
    SMALL,
    MemoryStore,
    all_finite,
    ends,
    identical,
    in_a_thread,
    no_limit,
    resolved,
    results,
    train,
)

# Reproducibility


def test_one_seed_gives_the_same_bits_with_any_global_generator(tiny_mnist: Dataset) -> None:
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        runs.append(train(tiny_mnist))
    for model in ("small", "deep"):
        assert identical(runs[0].weights(model), runs[1].weights(model))
    epochs = [[(e.model, e.epoch, e.split, e.elbo, e.kl_per_latent) for e in run.of(Epoch)] for run in runs]
    assert sorted(epochs[0]) == sorted(epochs[1])


def test_another_seed_gives_other_weights(tiny_mnist: Dataset) -> None:
    one, other = train(tiny_mnist), train(tiny_mnist, seed=1)
    for model in ("small", "deep"):
        for name, weight in one.weights(model).items():
            assert name == "decoder.log_sigma" or not torch.equal(weight, other.weights(model)[name])


def test_training_leaves_the_global_generator_alone(tiny_mnist: Dataset) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train(tiny_mnist)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_do_not_depend_on_other_models(small_mnist: Dataset) -> None:
    together = train(small_mnist)
    among_more = train(small_mnist, models=(ModelSpec("x", (10,)), DEEP, ModelSpec("y"), SMALL))
    for spec in (SMALL, DEEP):
        alone = train(small_mnist, models=(spec,))
        assert identical(alone.weights(spec.name), together.weights(spec.name))
        assert identical(alone.weights(spec.name), among_more.weights(spec.name))


def test_weights_do_not_depend_on_a_models_name(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, models=(ModelSpec("a", (9,)), ModelSpec("b", (9,))))
    assert identical(run.weights("a"), run.weights("b"))


@pytest.mark.usefixtures("ten_steps_a_read")
def test_weights_do_not_depend_on_pauses(small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused within an epoch and resumed by other threads, again and again."""
    monkeypatch.setattr("tui_vae.training.trainer.SECONDS_BETWEEN_PROGRESS", 0.0)

    def interrupt(engine: Engine, event: Event) -> None:
        if isinstance(event, Progress):
            engine.pause(event.model)
        elif isinstance(event, State) and event.state == "paused":
            in_a_thread(lambda: engine.resume(event.model))

    paused = train(small_mnist, batch_size=30, sinks=[interrupt])
    straight = train(small_mnist, batch_size=30)
    for model in ("small", "deep"):
        assert sum(e.state == "paused" for e in paused.of(State, model)) >= 7
        assert identical(paused.weights(model), straight.weights(model))


def test_weights_depend_neither_on_the_store_nor_on_the_held_out_images(tiny_mnist: Dataset) -> None:
    usual = train(tiny_mnist)
    failing = train(tiny_mnist, store=MemoryStore(failing=True))
    other = train(Dataset("mnist", tiny_mnist.train, tiny_mnist.held_out.rows(50, 57)))
    for model in ("small", "deep"):
        assert identical(usual.weights(model), failing.weights(model))
        assert identical(usual.weights(model), other.weights(model))


# The end of a run


def test_a_run_that_finishes(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    finished = results(run)
    assert run.engine.exit_code == ExitCode.OK == 0
    assert run.engine.status == finished.status == "finished"
    assert ends(run) == {"small": "finished", "deep": "finished"}
    assert [result.model for result in finished.models] == list(run.engine.models) == ["small", "deep"]
    for result in finished.models:
        last = [e for e in run.of(Epoch, result.model) if e.split == "held_out"][-1]
        assert (result.state, result.epochs, result.limit) == ("finished", 2, None)
        assert (result.elbo, result.reconstruction, result.kl) == (last.elbo, last.reconstruction, last.kl)
        assert result.active_units == last.active_units
        assert result.seconds > 0
        assert result.parameters is not None


def test_two_sinks_see_the_same_events_in_the_same_order(tiny_mnist: Dataset) -> None:
    other: list[Event] = []
    run = train(tiny_mnist, sinks=[lambda engine, event: other.append(event)])
    assert other == run.events


def test_a_broadcast_keeps_one_order_under_many_threads() -> None:
    one: list[Event] = []
    other: list[Event] = []
    broadcast = Broadcast([one.append, other.append])

    def send(model: str) -> None:
        for _ in range(300):
            broadcast(State(model=model, state="running"))

    threads = [threading.Thread(target=send, args=(str(i),)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(one) == 1800
    assert one == other


def test_waiting_for_a_run_that_goes_on_says_so(tiny_mnist: Dataset) -> None:
    engine = Engine(TrainingContext(resolved(tiny_mnist), tiny_mnist, lambda event: None, MemoryStore(), no_limit))
    engine.pause("small")
    engine.start()
    assert not engine.wait(0.05)
    assert not engine.finished
    assert engine.status is None
    engine.resume("small")
    assert engine.wait(PATIENCE)


# Stopping


def test_a_stop_ends_all_models_with_a_checkpoint_and_the_reason(small_mnist: Dataset) -> None:
    def stop(engine: Engine, event: Event) -> None:
        if isinstance(event, Epoch):
            engine.stop("q was pressed")
            engine.stop("something later")

    run = train(small_mnist, epochs=10_000, sinks=[stop])
    assert run.engine.exit_code == ExitCode.STOPPED == 130
    assert results(run).status == "stopped"
    assert ends(run) == {"small": "stopped", "deep": "stopped"}
    for model in ("small", "deep"):
        last = run.of(State, model)[-1]
        assert last.reason == "q was pressed"
        assert run.names(model)[-2:] == ["checkpoint", "stopped"]
        assert identical(run.store.latest[model][-1].weights, run.weights(model))
        assert all_finite(run.weights(model))


def test_a_stop_before_the_first_step_leaves_the_start(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, before=lambda engine: engine.stop("not today"))
    assert run.engine.exit_code == ExitCode.STOPPED
    for result in results(run).models:
        assert (result.state, result.epochs, result.elbo, result.active_units) == ("stopped", 0, None, None)
    assert [e.step for e in run.of(Checkpoint)] == [0, 0]
    assert run.of(Progress) == []


def test_a_stop_ends_a_pause_of_one_model_and_the_training_of_the_other(small_mnist: Dataset) -> None:
    def stop(engine: Engine, event: Event) -> None:
        if isinstance(event, State) and event.state == "paused":
            in_a_thread(lambda: engine.stop("enough"))

    run = train(small_mnist, epochs=10_000, sinks=[stop], before=lambda engine: engine.pause("small"))
    assert run.engine.exit_code == ExitCode.STOPPED
    at_start = ["model_started", "running", "samples"]
    assert run.names("small") == [*at_start, "checkpoint", "paused", "checkpoint", "stopped"]
    assert ends(run)["deep"] == "stopped"


def test_a_stop_during_the_held_out_measurement_leaves_no_half_epoch(
    tiny_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[Engine] = []
    expected_terms = VAE.expected_terms

    def stop_while_measuring(self: VAE, x: torch.Tensor) -> ElboTerms | None:
        engines[0].stop("now")
        return expected_terms(self, x)

    monkeypatch.setattr(VAE, "expected_terms", stop_while_measuring)
    few = tiny_mnist.held_out
    many = Split(few.images.repeat(10, 1), few.labels.repeat(10))  # more than one batch
    run = train(Dataset("mnist", tiny_mnist.train, many), models=(SMALL,), before=engines.append)
    assert run.engine.exit_code == ExitCode.STOPPED
    assert run.of(Epoch) == []
    assert [(e.epoch, e.step) for e in run.of(Checkpoint)] == [(0, 3)]


def test_a_stop_after_the_end_changes_nothing(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist)
    run.engine.stop("too late")
    assert run.engine.exit_code == ExitCode.OK
    assert isinstance(run.events[-1], RunFinished)


def test_each_trainer_has_the_threads_that_its_model_is_given(
    tiny_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, int] = {}

    def find_limit(spec: ModelSpec) -> None:
        seen[spec.name] = torch.get_num_threads()

    models = (ModelSpec("tiny"), ModelSpec("large", (160,)))
    run = train(tiny_mnist, models=models, epochs=1, find_limit=find_limit, threads=2)
    assert run.engine.exit_code == 0
    assert seen == {"tiny": 1, "large": 2}
