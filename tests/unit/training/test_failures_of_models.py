"""A model that diverges or fails ends alone, with its last good weights and a reason; the others continue."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.errors import ExitCode
from tui_vae.events import Checkpoint, Epoch, Event, Notice, State
from tui_vae.model import VAE
from tui_vae.training import Engine, step_batch
from tui_vae.training.step import MAX_LOSS
from tui_vae.training.step_batch import StepGroup
from tui_vae.training.trainer import Trainer

from .running import (
    DEEP,
    SMALL,
    Run,
    all_finite,
    ends,
    identical,
    results,
    train,
)

Spoil = Callable[[torch.Tensor], None]


def not_a_number(constant: torch.Tensor) -> None:
    constant.fill_(float("nan"))


def infinite(constant: torch.Tensor) -> None:
    constant.fill_(float("inf"))


def hopeless(constant: torch.Tensor) -> None:
    constant.fill_(MAX_LOSS)


def great(constant: torch.Tensor) -> None:
    """The greatest loss that is not lost."""
    constant.fill_(MAX_LOSS * (1 - 2.0**-24))


def spoil_step(monkeypatch: pytest.MonkeyPatch, spoilt: int, spoil: Spoil) -> list[dict[str, torch.Tensor]]:
    """Spoil the deep model's loss at one step, counted from 1; return its weights before every step, as they come."""
    weights: list[dict[str, torch.Tensor]] = []
    begin, take = Trainer.__init__, StepGroup.take
    deep: dict[StepGroup, VAE] = {}
    right: list[torch.Tensor] = []

    def begun(self: Trainer, spec: ModelSpec, *rest: Any) -> None:
        begin(self, spec, *rest)
        if not spec.linear:
            deep[self._runner._group] = self.vae

    def taken(self: StepGroup, order: torch.Tensor, *rest: Any, **where: Any) -> None:
        if self in deep:
            weights.append({name: tensor.detach().clone() for name, tensor in deep[self].state_dict().items()})
            # The constant of the loss is added at every step, traced or not.
            gradient = self._take_step._gradient
            gradient.begin(len(order))
            constant = gradient._batch.sums._constant
            if len(weights) == spoilt:
                right.append(constant.clone())
                spoil(constant)
            elif right:
                constant.copy_(right.pop())
        take(self, order, *rest, **where)

    monkeypatch.setattr(Trainer, "__init__", begun)
    monkeypatch.setattr(StepGroup, "take", taken)
    monkeypatch.setattr(step_batch, "steps_at_once", lambda *of: 1)
    return weights


@pytest.fixture(scope="module")
def straight(small_mnist: Dataset) -> Run:
    """A training that nothing disturbs."""
    return train(small_mnist, batch_size=30)


@pytest.mark.parametrize("spoil", [not_a_number, infinite, hopeless], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("step", [1, 7, 10, 11, 35, 68])
def test_a_model_that_diverges_keeps_the_weights_before_that_step(
    step: int, spoil: Spoil, straight: Run, small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_loss_that_is_not_yet_lost_ends_nothing(
    straight: Run, small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_step(monkeypatch, 35, great)
    run = train(small_mnist, batch_size=30)
    assert ends(run) == {"small": "finished", "deep": "finished"}
    assert identical(run.weights("deep"), straight.weights("deep"))  # they follow from gradients, not from losses


def test_gradients_that_overflow_before_the_loss_leave_no_weights_that_are_not_finite(small_mnist: Dataset) -> None:
    run = train(small_mnist, models=(SMALL,), schedule="constant", lr=0.125, batch_size=20)
    assert ends(run) == {"small": "failed"}
    assert all_finite(run.weights("small"))
    saved = run.store.latest["small"][-1]
    assert all_finite(saved.weights)
    assert all_finite(saved.optimizer)


def test_an_exception_in_one_trainer_ends_that_model_only(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train(small_mnist)
    rate = Trainer._learning_rate

    def patched(self: Trainer, step: int) -> float:
        if self._spec == DEEP and step >= 10:
            raise BoomError("first line\nsecond line")
        return rate(self, step)

    monkeypatch.setattr(Trainer, "_learning_rate", patched)
    run = train(small_mnist)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    reason = run.of(State, "deep")[-1].reason or ""
    assert re.fullmatch(r"test_failures_of_models\.py:\d+: BoomError: first line second line", reason)
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
    rate = Trainer._learning_rate

    def patched(self: Trainer, step: int) -> float:
        if self._spec == DEEP and step >= 5:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand many more lines")
        return rate(self, step)

    monkeypatch.setattr(Trainer, "_learning_rate", patched)
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
    from_spec = VAE.from_spec

    def patched(spec: ModelSpec, *rest: Any) -> VAE:
        if spec == DEEP:
            raise MemoryError
        return from_spec(spec, *rest)

    monkeypatch.setattr(VAE, "from_spec", staticmethod(patched))
    run = train(tiny_mnist)
    assert ends(run) == {"small": "finished", "deep": "failed"}
    assert run.engine.exit_code == ExitCode.MODEL_FAILED
    deep = results(run).models[1]
    assert (deep.model, deep.state, deep.epochs, deep.elbo, deep.parameters) == ("deep", "failed", 0, None, None)
    assert "MemoryError" in (run.of(State, "deep")[-1].reason or "")
    assert len(run.of(Notice)) == 1


def test_an_exception_of_the_limit_is_reported(tiny_mnist: Dataset) -> None:
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
