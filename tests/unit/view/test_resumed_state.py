"""The reducer on runs that were resumed: what was lost is gone, and the time between does not count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tui_vae.events import (
    Checkpoint,
    Epoch,
    Event,
    ModelStarted,
    Notice,
    Progress,
    Samples,
    Schedule,
    SheetLayout,
    Split,
    State,
)
from tui_vae.view.state import RunState, reduce, reduce_all

from .run_events import Make, epoch, model_started, run_started, snapshot, training

SPLITS: tuple[Split, ...] = ("train", "held_out")
HISTORIES = ("progress", "train", "held_out", "samples", "epoch", "step")


def started_again(model: str, t: float, step: int | None, epoch: int | None) -> ModelStarted:
    return structs.replace(model_started(model, t, None), resumed_at_step=step, resumed_at_epoch=epoch)


def samples(model: str, number: int, t: float) -> Samples:
    return Samples(t=t, model=model, epoch=number, file=f"{number} at {t:g}.png", layout=SheetLayout(10, 2, 1))


def checkpoint(model: str, number: int, step: int, kind: Any, t: float) -> Checkpoint:
    return Checkpoint(t=t, model=model, epoch=number, step=step, file=f"{kind}.safetensors", kind=kind)


def part_of_run(progress: Make, first_epoch: int, epochs: int, t: float) -> list[Event]:
    """Epochs of ten steps each of one model, with their events."""
    events: list[Event] = []
    for number in range(first_epoch, first_epoch + epochs):
        for step in (10 * number - 5, 10 * number):
            t += 1
            events.append(progress(step, t=t, epoch=number, steps=1000, loss=float(step)))
        events += [epoch("deep", number, split, 200.0 + number, t + 0.1) for split in SPLITS]
        events += [samples("deep", number, t + 0.2), checkpoint("deep", number, 10 * number, "latest", t + 0.3)]
    return events


def tells_of_lost(event: Event, step: int, number: int) -> bool:
    if isinstance(event, Progress):
        return event.step > step
    return isinstance(event, (Epoch, Samples, Checkpoint)) and event.epoch > number


@given(
    first=st.integers(0, 6),
    second=st.integers(0, 6),
    step=st.integers(0, 70),
    with_epoch=st.booleans(),
)
def test_what_a_resumed_model_has_lost_is_as_if_it_had_never_been(
    progress: Make, first: int, second: int, step: int, with_epoch: bool
) -> None:
    """Also where an older log does not tell the epoch at which the model resumes."""
    step = min(step, 10 * first)
    complete = step // 10
    begin = [run_started(), model_started("deep", 101, None), samples("deep", 0, 101.1)]
    before = part_of_run(progress, 1, first, 200.0)
    again = started_again("deep", 500.0, step, complete if with_epoch else None)
    after = part_of_run(progress, complete + 1, second, 500.0)
    whole = reduce_all(RunState(), [*begin, *before, again, *after])
    kept = [event for event in before if not tells_of_lost(event, step, complete)]
    without = reduce_all(RunState(), [*begin, *kept, again, *after])
    for name in HISTORIES:
        one, other = (snapshot(getattr(state.models["deep"], name)) for state in (whole, without))
        assert one == other, name


def test_a_model_that_starts_anew_keeps_nothing_but_the_sheet_before_training(progress: Make) -> None:
    state = reduce_all(
        RunState(),
        [
            run_started(),
            model_started("deep", 101, None),
            samples("deep", 0, 101.1),
            *part_of_run(progress, 1, 3, 200.0),
            State(t=300.0, model="deep", state="failed", reason="the loss became nan"),
            started_again("deep", 400.0, 0, 0),
        ],
    )
    deep = state.models["deep"]
    assert (len(deep.progress), len(deep.train), len(deep.held_out)) == (0, 0, 0)
    assert [sample.epoch for sample in deep.samples] == [0]
    assert (deep.status, deep.reason, deep.ended_at, deep.step, deep.epoch) == (None, None, None, 0, 0)
    assert (deep.latest, deep.best, deep.started_at) == (None, None, 101)
    replaced = reduce(state, samples("deep", 0, 401.0)).models["deep"]
    assert [sample.file for sample in replaced.samples] == ["0 at 401.png"]


def test_the_newest_checkpoints_are_known_and_not_worth_a_line() -> None:
    events = [
        checkpoint("deep", 1, 10, "latest", 1.0),
        checkpoint("deep", 1, 10, "best", 1.1),
        checkpoint("deep", 2, 20, "latest", 2.0),
    ]
    state = reduce_all(RunState(), events)
    assert (state.models["deep"].latest, state.models["deep"].best) == (events[2], events[1])
    assert not state.log
    resumed = reduce(state, started_again("deep", 3.0, 15, 1)).models["deep"]
    assert (resumed.latest, resumed.best) == (None, events[1])


def test_a_second_start_of_the_run_resumes_it(script: list[Event]) -> None:
    ended = reduce_all(RunState(), script)
    config = {"models": [{"name": "deep"}, {"name": "baseline"}], "epochs": 5}
    again = structs.replace(run_started(1000.0), config=config, device="cuda:0")
    state = reduce_all(ended, [again, started_again("deep", 1001.0, 1500, 3)])
    assert (state.status, state.results, state.config, state.device, state.epochs) == (None, (), config, "cuda:0", 5)
    assert len(state.models["baseline"].held_out) == 2
    assert state.models["baseline"].status == "finished"
    assert state.models["deep"].status is None
    assert [line.text for line in state.log[-2:]] == [
        "run quiet-otter resumed on cuda:0: mnist, 55,000 training and 5,000 held-out images",
        "resumes at step 1,500, epoch 3",
    ]


def test_the_time_between_the_parts_of_a_run_does_not_count(script: list[Event]) -> None:
    assert RunState().elapsed(5.0) is None
    running = reduce_all(RunState(), script[:-1])  # from 100 to 106
    assert running.elapsed(110.0) == 10.0
    ended = reduce_all(running, script[-1:])
    assert ended.elapsed(5000.0) == 7.0
    for before, seconds in ((running, 6.0), (ended, 7.0)):
        state = reduce(before, run_started(1000.0))
        assert state.elapsed(1000.0) == seconds
        assert state.elapsed(1030.0) == seconds + 30
        third = reduce_all(state, [Notice(t=1040.0, level="info", text=""), run_started(9000.0)])
        assert third.elapsed(9001.0) == seconds + 41
    elapsed = [line.elapsed for line in reduce_all(ended, [run_started(1000.0)]).log]
    assert elapsed == pytest.approx([0.0, 0.5, 1.0, 1.1, 1.2, 1.3, 3.2, 4.0, 5.1, 6.0, 7.0, 7.0])


def test_the_time_between_the_parts_of_a_run_is_no_measure_of_its_pace(progress: Make) -> None:
    before = training(progress, "deep", [(10.0, 100), (20.0, 200)], steps=1000)
    state = reduce_all(
        RunState(), [*before, started_again("deep", 40.0, 200, 1), State(t=40.0, model="deep", state="running")]
    )
    assert state.seconds_left() is None
    state = reduce(state, progress(300, t=50.0, steps=1000))
    assert state.seconds_left() is None
    assert reduce(state, progress(400, t=55.0, steps=1000)).seconds_left() == pytest.approx(30.0)


def test_a_pause_is_no_measure_of_the_pace(progress: Make) -> None:
    events = [
        *training(progress, "deep", [(10.0, 100), (20.0, 200)], steps=1000),
        State(t=20.0, model="deep", state="paused"),
        State(t=50.0, model="deep", state="running"),
        progress(300, t=55.0, steps=1000),
        progress(400, t=60.0, steps=1000),
    ]
    assert reduce_all(RunState(), events).seconds_left() == pytest.approx(30.0)


def test_what_was_changed_holds_until_the_model_starts_again_without_it(progress: Make) -> None:
    schedule = Schedule(t=2.0, model="deep", step=10, steps=300, epochs=3, lr=1e-3, by="the user")
    state = reduce_all(RunState(), [run_started(), progress(10, model="deep", steps=200, t=1.0), schedule])
    deep = state.models["deep"]
    assert (deep.steps, state.epochs_of(deep), state.lr_of(deep)) == (300, 3, 1e-3)
    assert (state.epochs_of(state.models["baseline"]), state.lr_of(state.models["baseline"])) == (2, None)
    state = reduce(state, started_again("deep", 3.0, 5, 0))
    assert (state.epochs_of(state.models["deep"]), state.models["deep"].lr) == (2, None)
