"""Several models at once: they do not touch each other, and every end is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset, Split
from tui_vae.errors import ExitCode
from tui_vae.events import Checkpoint, Epoch, Event, Notice, Progress, RunFinished, State
from tui_vae.model import VAE, ElboTerms
from tui_vae.training import Broadcast, Engine, Surroundings
from tui_vae.training.gradient import NegativeElbo, StepSums
from tui_vae.training.trainer import Trainer

from .running import DEEP, PATIENCE, SMALL, MemoryStore, Run, identical, in_a_thread, no_limit, resolved, train


def ends(run: Run) -> dict[str, str]:
    """The last state that was told of each model."""
    return {event.model: event.state for event in run.of(State)}


def results(run: Run) -> RunFinished:
    assert isinstance(run.events[-1], RunFinished)
    assert len(run.of(RunFinished)) == 1
    return run.events[-1]


def all_finite(weights: Mapping[str, torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())


# Reproducibility


def test_one_seed_gives_the_same_bits_whatever_the_global_generator(tiny_mnist: Dataset) -> None:
    runs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        runs.append(train(tiny_mnist))
    for model in ("small", "deep"):
        assert identical(runs[0].weights(model), runs[1].weights(model))
    told = [[(e.model, e.epoch, e.split, e.elbo, e.kl_per_latent) for e in run.of(Epoch)] for run in runs]
    assert sorted(told[0]) == sorted(told[1])


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


def test_weights_do_not_depend_on_what_trains_beside(small_mnist: Dataset) -> None:
    together = train(small_mnist)
    among_more = train(small_mnist, models=(ModelSpec("x", (10,)), DEEP, ModelSpec("y"), SMALL))
    for spec in (SMALL, DEEP):
        alone = train(small_mnist, models=(spec,))
        assert identical(alone.weights(spec.name), together.weights(spec.name))
        assert identical(alone.weights(spec.name), among_more.weights(spec.name))


def test_weights_do_not_depend_on_a_models_name(tiny_mnist: Dataset) -> None:
    run = train(tiny_mnist, models=(ModelSpec("a", (9,)), ModelSpec("b", (9,))))
    assert identical(run.weights("a"), run.weights("b"))


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
    engine = Engine(Surroundings(resolved(tiny_mnist), tiny_mnist, lambda event: None, MemoryStore(), no_limit))
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
    forward = VAE.forward

    def stop_while_measuring(self: VAE, x: torch.Tensor, noise: torch.Tensor) -> ElboTerms:
        if torch.is_inference_mode_enabled():
            engines[0].stop("now")
        return forward(self, x, noise)

    monkeypatch.setattr(VAE, "forward", stop_while_measuring)
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


# Divergence and failure

Spoil = Callable[[StepSums], StepSums]


def not_a_number(sums: StepSums) -> StepSums:
    return StepSums(sums.loss * float("nan"), sums.reconstruction * float("nan"), sums.latents, sums.log_sigma_gradient)


def infinite(sums: StepSums) -> StepSums:
    return StepSums(sums.loss + float("inf"), sums.reconstruction, sums.latents + float("inf"), sums.log_sigma_gradient)


def spoil_step(monkeypatch: pytest.MonkeyPatch, spoilt: int, spoil: Spoil) -> list[dict[str, torch.Tensor]]:
    """Spoil the deep model's loss at one training step, counted from 1; fills with its weights before every step."""
    weights: list[dict[str, torch.Tensor]] = []
    begin, propagate = Trainer.__init__, NegativeElbo.propagate
    deep: dict[NegativeElbo, VAE] = {}

    def begun(self: Trainer, spec: ModelSpec, *rest: Any) -> None:
        begin(self, spec, *rest)
        if not spec.linear:
            deep[self._take_step._gradient] = self.vae

    def patched(self: NegativeElbo, *of: Any) -> StepSums:
        sums = propagate(self, *of)
        if self not in deep:
            return sums
        weights.append({name: tensor.detach().clone() for name, tensor in deep[self].state_dict().items()})
        return spoil(sums) if len(weights) == spoilt else sums

    monkeypatch.setattr(Trainer, "__init__", begun)
    monkeypatch.setattr(NegativeElbo, "propagate", patched)
    return weights


@pytest.mark.parametrize("spoil", [not_a_number, infinite], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("step", [1, 7, 10, 11, 35, 68])
def test_a_model_that_diverges_keeps_the_weights_before_that_step(
    step: int, spoil: Spoil, small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train(small_mnist, batch_size=30)
    before_each_step = spoil_step(monkeypatch, step, spoil)
    run = train(small_mnist, batch_size=30)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED == 1
    assert results(run).status == "failed"
    reason = run.of(State, "deep")[-1].reason
    assert reason is not None
    assert f"at step {step};" in reason
    assert f"those of step {step - 1};" in reason
    assert "--lr" in reason
    assert reason.isprintable()
    assert all_finite(run.weights("deep"))
    assert identical(run.weights("deep"), before_each_step[step - 1])
    assert identical(run.store.latest["deep"][-1].weights, run.weights("deep"))
    assert run.of(Checkpoint, "deep")[-1].step == step - 1
    assert not run.of(Notice)
    # The other model trained on as if nothing had happened.
    assert identical(run.weights("small"), straight.weights("small"))


def test_the_result_of_a_diverged_model_is_that_of_its_last_whole_epoch(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_step(monkeypatch, 40, not_a_number)
    run = train(small_mnist, batch_size=30)
    deep = results(run).models[1]
    held_out = [e for e in run.of(Epoch, "deep") if e.split == "held_out"]
    assert [e.epoch for e in held_out] == [1]
    assert (deep.state, deep.epochs, deep.elbo) == ("failed", 1, held_out[0].elbo)


@pytest.mark.parametrize("lr", [1e10, 1e30])
def test_a_learning_rate_that_is_much_too_high_fails_the_model(lr: float, small_mnist: Dataset) -> None:
    run = train(small_mnist, lr=lr, models=(SMALL,), schedule="constant")
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    reason = run.of(State)[-1].reason
    assert reason is not None
    assert f"{lr:g}" in reason
    assert all_finite(run.weights("small"))


def test_the_largest_learning_rate_leaves_finite_weights(small_mnist: Dataset) -> None:
    """The first loss is finite and its step is enormous: what is kept must be finite all the same."""
    run = train(small_mnist, lr=1e30, models=(SMALL,), schedule="constant")
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    assert all_finite(run.weights("small"))


def test_a_model_whose_very_last_step_diverges_has_not_finished(small_mnist: Dataset) -> None:
    """No later loss tells of it, the held-out images do."""
    run = train(small_mnist, lr=1e30, models=(SMALL,), schedule="constant", epochs=1, batch_size=1000)
    assert ends(run) == {"small": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED


class BoomError(Exception):
    pass


def test_an_exception_in_one_trainer_ends_that_model_only(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train(small_mnist)
    step = Trainer._train_step

    def patched(self: Trainer, batch: torch.Tensor) -> None:
        if self._spec == DEEP and self._step == 13:
            raise BoomError("first line\nsecond line")
        step(self, batch)

    monkeypatch.setattr(Trainer, "_train_step", patched)
    run = train(small_mnist)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    assert run.of(State, "deep")[-1].reason == "BoomError: first line second line"
    (notice,) = run.of(Notice)
    assert (notice.level, notice.model) == ("error", "deep")
    assert notice.text.startswith("Traceback")
    assert "BoomError: first line" in notice.text
    assert all_finite(run.weights("deep"))
    assert results(run).models[1].epochs == 1
    assert identical(run.weights("small"), straight.weights("small"))


def test_a_model_that_runs_out_of_memory_fails_with_advice_and_the_other_finishes(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train(small_mnist)
    step = Trainer._train_step

    def patched(self: Trainer, batch: torch.Tensor) -> None:
        if self._spec == DEEP and self._step == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand many more lines")
        step(self, batch)

    monkeypatch.setattr(Trainer, "_train_step", patched)
    run = train(small_mnist)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    reason = run.of(State, "deep")[-1].reason
    assert reason is not None
    assert "--batch-size" in reason
    assert reason.isprintable()
    assert not run.of(Notice)
    assert identical(run.weights("small"), straight.weights("small"))


def test_a_model_that_cannot_be_made_fails_and_the_other_finishes(
    tiny_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_spec = VAE.from_spec.__func__  # type: ignore[attr-defined]

    def patched(cls: type[VAE], spec: ModelSpec, *rest: object) -> VAE:
        if spec == DEEP:
            raise MemoryError
        return from_spec(cls, spec, *rest)

    monkeypatch.setattr(VAE, "from_spec", classmethod(patched))
    run = train(tiny_mnist)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    deep = results(run).models[1]
    assert (deep.model, deep.state, deep.epochs, deep.elbo, deep.parameters) == ("deep", "failed", 0, None, None)
    assert "MemoryError" in (run.of(State, "deep")[-1].reason or "")
    assert len(run.of(Notice)) == 1


def test_an_exception_while_looking_for_the_limit_is_told_too(tiny_mnist: Dataset) -> None:
    def find_limit(spec: ModelSpec) -> None:
        if spec.linear:
            raise BoomError

    run = train(tiny_mnist, find_limit=find_limit)
    assert ends(run) == {"small": "failed", "deep": "finished"}
    assert results(run).models[0].parameters is not None


def test_a_failure_outweighs_a_stop(small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_step(monkeypatch, 5, not_a_number)

    def stop_after_the_failure(engine: Engine, event: Event) -> None:
        if isinstance(event, State) and event.state == "failed":
            engine.stop("q was pressed")

    run = train(small_mnist, epochs=10_000, sinks=[stop_after_the_failure])
    assert ends(run) == {"small": "stopped", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
