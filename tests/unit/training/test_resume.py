"""A trainer that continues from a saved state has the bits of the uninterrupted one, wherever it was cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_vae.config import ModelSpec
from tui_vae.data import Dataset
from tui_vae.errors import RunStoreError
from tui_vae.events import Epoch, Event, ModelStarted, Notice, Progress, Samples, State
from tui_vae.training import Engine, step_batch, trainer
from tui_vae.training.control import Control
from tui_vae.training.saved_state import SavedState

from .running import DEEP, MODELS, SMALL, MemoryStore, Run, after_each_step, identical, resolved, results, train

OPTIONS: dict[str, Any] = {"models": (DEEP,), "batch_size": 30, "epochs": 3, "sigma": "learned"}
"""34 steps an epoch: reads after 10, 20, 30 and 34 of them."""
STEPS = 102


@pytest.fixture(scope="module", autouse=True)
def ten_steps_a_read() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_batch, "_STEPS_OF_READ", (10, 10))
        yield


@pytest.fixture(scope="module")
def straight(small_mnist: Dataset) -> Run:
    return train(small_mnist, **OPTIONS)


def cut_at(data: Dataset, cut: int, **options: Any) -> Run:
    """Train and stop after so many steps."""

    def stop(engine: Engine, step: int) -> None:
        if step == cut:
            engine.stop("cut")

    with after_each_step(stop) as train_and_stop:
        return train_and_stop(data, **(OPTIONS | options))


def numbers(run: Run) -> dict[tuple[str, int, str], Any]:
    """Return the fields of each epoch event except the time."""
    return {
        (e.model, e.epoch, e.split): (e.elbo, e.reconstruction, e.kl, e.kl_per_latent, e.active_units, e.sigma)
        for e in run.of(Epoch)
    }


def same_states(one: SavedState, other: SavedState) -> bool:
    timeless = [
        {key: value for key, value in state.to_json().items() if key not in ("seconds", "epoch_began", "reported")}
        for state in (one, other)
    ]
    return (
        identical(one.weights, other.weights)
        and identical(one.optimizer, other.optimizer)
        and json.dumps(timeless[0]) == json.dumps(timeless[1])
    )


@pytest.mark.parametrize("step", [1, 9, 10, 11, 33, 34, 35, 67, 68, 101])
def test_cut_anywhere_and_resumed_it_is_as_if_never_cut(step: int, straight: Run, small_mnist: Dataset) -> None:
    first = cut_at(small_mnist, step)
    assert first.of(State)[-1].state == "stopped"
    saved = first.store.latest["deep"][-1]
    assert saved.course.step == step
    second = train(small_mnist, saved={"deep": saved}, **OPTIONS)
    assert second.engine.exit_code == 0
    assert same_states(second.store.latest["deep"][-1], straight.store.latest["deep"][-1])
    assert numbers(first) | numbers(second) == numbers(straight)
    (started,) = second.of(ModelStarted)
    assert (started.resumed_at_step, started.resumed_at_epoch) == (step, step // 34 if step % 34 else (step - 1) // 34)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("cut", [7, 35])
def test_the_general_step_cut_and_resumed_is_as_if_never_cut(cut: int, precision: str, small_mnist: Dataset) -> None:
    options = OPTIONS | {"step": "general", "precision": precision, "epochs": 2}
    straight = train(small_mnist, **options)
    saved = cut_at(small_mnist, cut, **options).store.latest["deep"][-1]
    assert saved.course.step == cut
    second = train(small_mnist, saved={"deep": saved}, **options)
    assert same_states(second.store.latest["deep"][-1], straight.store.latest["deep"][-1])


@pytest.mark.parametrize("step", ["general", "fused"])
@pytest.mark.parametrize("cut", [3, 34, 50])
@pytest.mark.parametrize(
    "objective",
    [{"dequantize": True}, {"kl_warmup": 1.5, "beta": 2.0}, {"free_bits": 1.0, "kl_warmup": 2.0}],
    ids=str,
)
def test_other_objectives_cut_and_resumed_are_as_if_never_cut(
    objective: dict[str, Any], cut: int, step: str, small_mnist: Dataset
) -> None:
    options = OPTIONS | {"step": step, "epochs": 2, "threads": 2} | objective
    straight = train(small_mnist, **options)
    first = cut_at(small_mnist, cut, **options)
    second = train(small_mnist, saved={"deep": first.store.latest["deep"][-1]}, **options)
    assert same_states(second.store.latest["deep"][-1], straight.store.latest["deep"][-1])
    assert numbers(first) | numbers(second) == numbers(straight)
    plain = train(small_mnist, **{name: value for name, value in options.items() if name not in objective})
    assert not identical(plain.weights("deep"), straight.weights("deep"))


@settings(max_examples=settings().max_examples // 12)  # each trains several times
@given(cuts=st.sets(st.integers(1, STEPS - 1), min_size=2, max_size=5))
def test_cut_again_and_again(cuts: set[int], straight: Run, small_mnist: Dataset) -> None:
    saved: dict[str, SavedState] = {}
    for step in sorted(cuts):
        run = cut_at(small_mnist, step, saved=saved)
        saved = {"deep": run.store.latest["deep"][-1]}
    last = train(small_mnist, saved=saved, **OPTIONS)
    assert same_states(last.store.latest["deep"][-1], straight.store.latest["deep"][-1])


def test_any_checkpoint_that_was_made_on_the_way_leads_to_the_same_end(straight: Run, small_mnist: Dataset) -> None:
    """As after a kill: the newest checkpoint is all there is."""
    run = train(small_mnist, **OPTIONS, checkpoint_every=1e-6)  # at every read of the device
    checkpoints = run.store.latest["deep"]
    assert [saved.course.step for saved in checkpoints][:6] == [10, 20, 30, 34, 34, 44]
    assert same_states(checkpoints[-1], straight.store.latest["deep"][-1])
    for saved in checkpoints[:-1:3]:
        again = train(small_mnist, saved={"deep": saved}, **OPTIONS)
        assert same_states(again.store.latest["deep"][-1], straight.store.latest["deep"][-1])


def test_a_pause_makes_a_checkpoint_from_which_the_same_follows(straight: Run, small_mnist: Dataset) -> None:
    def pause_once(engine: Engine, event: Event) -> None:
        if isinstance(event, Epoch) and event.epoch == 1:
            engine.pause("deep")
        if isinstance(event, State) and event.state == "paused":
            engine.resume("deep")

    run = train(small_mnist, sinks=[pause_once], **OPTIONS)
    paused = next(saved for saved in run.store.latest["deep"] if saved.course.step in (34, 35))
    again = train(small_mnist, saved={"deep": paused}, **OPTIONS)
    assert same_states(again.store.latest["deep"][-1], straight.store.latest["deep"][-1])


def test_a_checkpoint_is_made_when_asked_for(small_mnist: Dataset) -> None:
    run = train(small_mnist, before=lambda engine: engine.checkpoint("deep"), **OPTIONS)
    assert run.store.latest["deep"][0].course.step == 0
    assert len(run.store.latest["deep"]) == 4


def test_a_model_that_had_finished_is_only_reported(small_mnist: Dataset) -> None:
    options = OPTIONS | {"models": (SMALL, DEEP)}
    whole = train(small_mnist, **options)
    cut = cut_at(small_mnist, 50)
    saved = {"small": whole.store.latest["small"][-1], "deep": cut.store.latest["deep"][-1]}
    again = train(small_mnist, saved=saved, **options)
    assert again.names("small") == ["finished"]
    assert same_states(again.store.latest["deep"][-1], whole.store.latest["deep"][-1])
    found, expected = ({result.model: result for result in results(run).models} for run in (again, whole))
    for model in ("small", "deep"):
        for name in ("state", "epochs", "elbo", "reconstruction", "kl", "active_units", "parameters"):
            assert getattr(found[model], name) == getattr(expected[model], name)


def test_more_epochs_continue_from_the_end(straight: Run, small_mnist: Dataset) -> None:
    last = straight.store.latest["deep"][-1]
    more = train(small_mnist, saved={"deep": last}, **(OPTIONS | {"epochs": 5}))
    assert [e.epoch for e in more.of(Epoch) if e.split == "held_out"] == [4, 5]
    assert more.store.latest["deep"][-1].course.step == 5 * 34


def test_another_batch_size_continues_at_the_same_image(small_mnist: Dataset) -> None:
    saved = cut_at(small_mnist, 50).store.latest["deep"][-1]
    assert saved.course.position == 16 * 30
    again = train(small_mnist, saved={"deep": saved}, **(OPTIONS | {"batch_size": 100}))
    assert again.engine.exit_code == 0
    last = again.store.latest["deep"][-1].course
    assert last.step == 50 + 6 + 10  # 520 images of the second epoch are left, then 1000
    assert {e.steps for e in again.of(Progress)} == {66}
    assert {e.step for e in again.of(Progress) if e.epoch == 2} >= {56}


def test_more_unread_steps_than_are_read_together_now_are_counted_once(
    small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a run is resumed with larger batches."""
    saved = cut_at(small_mnist, 18).store.latest["deep"][-1]
    assert len(saved.course.losses) == 8
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_PROGRESS", 0.0)
    whole = train(small_mnist, saved={"deep": saved}, **OPTIONS)
    monkeypatch.setattr(step_batch, "steps_at_once", lambda *of: 1)
    monkeypatch.setattr(step_batch, "_STEPS_OF_READ", (5, 5))
    again = train(small_mnist, saved={"deep": saved}, **OPTIONS)
    assert again.of(Progress)[0].step == 23
    assert identical(again.weights("deep"), whole.weights("deep"))
    trained = [next(e for e in run.of(Epoch) if (e.epoch, e.split) == (1, "train")) for run in (again, whole)]
    assert trained[0].elbo == pytest.approx(trained[1].elbo, rel=1e-6)
    assert again.of(Progress)[0].loss_max == max(*saved.course.losses, again.of(Progress)[0].loss_max)


def test_a_resumed_model_does_not_draw_its_beginning_again(small_mnist: Dataset) -> None:
    saved = cut_at(small_mnist, 40).store.latest["deep"][-1]
    again = train(small_mnist, saved={"deep": saved}, **OPTIONS)
    assert [e.epoch for e in again.of(Samples)] == [2, 3]


def test_progress_counts_every_image_once(small_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_PROGRESS", 0.0)
    cut = cut_at(small_mnist, 47)
    saved = cut.store.latest["deep"][-1]
    again = train(small_mnist, saved={"deep": saved}, **OPTIONS)
    steps = [e.step for e in (*cut.of(Progress), *again.of(Progress))]
    assert steps == [*range(10, 31, 10), 34, 44, 54, 64, 68, 78, 88, 98, 102]
    straight = train(small_mnist, **OPTIONS)
    means = {e.step: (e.loss, e.loss_min, e.loss_max, e.kl) for e in straight.of(Progress)}
    for event in (*cut.of(Progress), *again.of(Progress)):
        assert (event.loss, event.loss_min, event.loss_max, event.kl) == means[event.step]


def test_a_model_that_diverged_meets_the_same_step_again(small_mnist: Dataset) -> None:
    """Not a number from the weights themselves: a learning rate at which they overflow."""
    options = OPTIONS | {"lr": 1e30, "schedule": "constant", "sigma": 0.2}
    first = train(small_mnist, **options)
    saved = first.store.latest["deep"][-1]
    second = train(small_mnist, saved={"deep": saved}, **options)
    reasons = [run.of(State)[-1].reason for run in (first, second)]
    assert reasons[0] == reasons[1]
    assert reasons[0] is not None
    assert "the loss became" in reasons[0]


def test_a_state_of_another_kind_of_device_is_used_with_a_warning(small_mnist: Dataset) -> None:
    saved = cut_at(small_mnist, 40).store.latest["deep"][-1]
    course = saved.to_json()
    course["noise"] = {"device_type": "cuda", "state": "AAAA"}
    elsewhere = SavedState.restored(saved.weights, saved.optimizer, json.loads(json.dumps(course)))
    again = train(small_mnist, saved={"deep": elsewhere}, **OPTIONS)
    assert again.engine.exit_code == 0
    (notice,) = again.of(Notice)
    assert "not with the same bits" in notice.text


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (ModelSpec("deep", (24, 17)), {}),
        (ModelSpec("deep", (24,)), {}),
        (ModelSpec("deep"), {}),
        (DEEP, {"zdim": 5}),
        (DEEP, {"sigma": 0.2, "images": 10}),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused(
    spec: ModelSpec, options: dict[str, Any], straight: Run, small_mnist: Dataset
) -> None:
    images = options.pop("images", 1000)
    config = resolved(small_mnist, **(OPTIONS | options))
    state = straight.store.latest["deep"][0]
    if images == 10:
        state = SavedState.restored(state.weights, state.optimizer, state.to_json() | {"position": 30})
    with pytest.raises(RunStoreError) as caught:
        state.check(MODELS(spec, config, seed=0), config, images)
    assert str(caught.value).isprintable()


def test_a_state_that_fits_is_not_refused(straight: Run, small_mnist: Dataset) -> None:
    config = resolved(small_mnist, **OPTIONS)
    for state in straight.store.latest["deep"]:
        state.check(MODELS(DEEP, config, seed=0), config, 1000)


@pytest.mark.parametrize("key", ["step", "totals", "noise", "losses", "held_out"])
def test_a_course_that_lacks_something_is_refused(key: str, straight: Run) -> None:
    state = straight.store.latest["deep"][0]
    course = {name: value for name, value in state.to_json().items() if name != key}
    with pytest.raises(RunStoreError, match=key):
        SavedState.restored(state.weights, state.optimizer, course)


@pytest.mark.parametrize("state", ["", "AAAA", "no base64!", "AAAA" * 2000])
def test_a_generator_state_that_is_none_fails_the_model_with_a_reason(
    state: str, straight: Run, small_mnist: Dataset
) -> None:
    saved = straight.store.latest["deep"][0]
    course = json.loads(json.dumps(saved.to_json()))
    course["noise"]["state"] = state
    broken = SavedState.restored(saved.weights, saved.optimizer, course)
    config = resolved(small_mnist, **OPTIONS)
    with pytest.raises(RunStoreError, match="generator"):
        broken.check(MODELS(DEEP, config, seed=0), config, 1000)


def test_a_checkpoint_request_is_answered_once() -> None:
    control = Control()
    assert not control.checkpoint_requested()
    control.request_checkpoint()
    assert control.checkpoint_requested()
    assert not control.checkpoint_requested()


def test_a_full_store_does_not_hinder(straight: Run, small_mnist: Dataset) -> None:
    run = train(small_mnist, store=MemoryStore(failing=True), **OPTIONS)
    assert identical(run.weights("deep"), straight.weights("deep"))
