"""The reducer: what a run's events add up to, without ever changing what somebody holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Event,
    Limit,
    ModelResult,
    ModelStarted,
    Notice,
    Parameters,
    Progress,
    Request,
    RunFinished,
    RunStarted,
    Samples,
    SheetLayout,
    State,
)
from tui_vae.view.series import Point, Series
from tui_vae.view.state import MOST_LOG_LINES, MOST_MODELS, ModelState, RunState, reduce, reduce_all

Make = Callable[..., Progress]
PARAMETERS = {"baseline": Parameters(50_240, 25_872, 76_112), "deep": Parameters(549_696, 542_224, 1_091_920)}
LIMIT = Limit(train=312.0, held_out=310.7, sigma=0.2, kl_per_latent=(2.0, 1.0))
DATA = DataSummary("mnist", 55_000, 5_000, "ab" * 32)


def run_started(t: float = 100.0) -> RunStarted:
    config = {"models": [{"name": "baseline", "hidden": []}, {"name": "deep", "hidden": [512, 256]}], "epochs": 2}
    return RunStarted(t=t, name="quiet-otter", config=config, versions={"torch": "2"}, device="cpu", data=DATA)


def model_started(model: str, t: float, limit: Limit | None) -> ModelStarted:
    hidden = () if limit else (512, 256)
    return ModelStarted(
        t=t, model=model, hidden=hidden, parameters=PARAMETERS[model], resumed_at_step=None, limit=limit
    )


def epoch(model: str, number: int, split: str, elbo: float, t: float) -> Epoch:
    return Epoch(
        t=t,
        model=model,
        epoch=number,
        split=split,  # type: ignore[arg-type]
        elbo=elbo,
        reconstruction=elbo + 10,
        kl=10.0,
        kl_per_latent=(6.0, 4.0),
        active_units=2,
        sigma=0.2,
        seconds=3.04,
    )


def result(model: str, state: str = "finished") -> ModelResult:
    return ModelResult(model, state, 2, 300.0, 310.0, 10.0, 2, PARAMETERS[model], None, 6.0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def script(progress: Make) -> list[Event]:
    """A whole run of two models, of which one fails."""
    return [
        run_started(),
        Notice(t=100.5, level="warning", text="the disk is nearly full"),
        model_started("baseline", 101.0, LIMIT),
        State(t=101.1, model="baseline", state="running"),
        model_started("deep", 101.2, None),
        State(t=101.3, model="deep", state="running"),
        progress(10, t=102.0, model="baseline", steps=40, epoch=1, loss=5.0, images_per_second=900.0),
        progress(5, t=102.1, model="deep", steps=40, epoch=1, loss=7.0),
        progress(20, t=103.0, model="baseline", steps=40, epoch=1, loss=4.0, images_per_second=950.0),
        epoch("baseline", 1, "train", 250.0, 103.1),
        epoch("baseline", 1, "held_out", 300.0, 103.2),
        Samples(t=103.3, model="baseline", epoch=1, file="samples/1.png", layout=SheetLayout(10, 2, 1)),
        Checkpoint(t=103.4, model="baseline", epoch=1, step=20, file="latest.safetensors", kind="latest"),
        State(t=104.0, model="deep", state="failed", reason="the loss became nan"),
        epoch("baseline", 2, "train", 305.0, 105.0),
        epoch("baseline", 2, "held_out", 310.2, 105.1),
        State(t=106.0, model="baseline", state="finished"),
        RunFinished(t=107.0, status="failed", models=(result("baseline"), result("deep", "failed"))),
    ]


def snapshot(value: Any) -> Any:
    """A deep, comparable copy that shares nothing with ``value``."""
    if isinstance(value, Series):
        return [value.column(name).tolist() for name in Point._fields]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: snapshot(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [snapshot(item) for item in value]
    return value


def test_a_whole_run_adds_up(script: list[Event]) -> None:
    state = reduce_all(RunState(), script)
    assert (state.name, state.device, state.epochs, state.data) == ("quiet-otter", "cpu", 2, DATA)
    assert (state.started_at, state.now, state.status) == (100.0, 107.0, "failed")
    assert [r.model for r in state.results] == ["baseline", "deep"]
    assert list(state.models) == ["baseline", "deep"]

    baseline = state.models["baseline"]
    assert baseline.linear
    assert baseline.ended
    assert (baseline.status, baseline.reason) == ("finished", None)
    assert (baseline.epoch, baseline.step, baseline.steps, baseline.images_per_second) == (2, 20, 40, 950.0)
    assert (baseline.started_at, baseline.ended_at) == (101.0, 106.0)
    assert baseline.parameters == PARAMETERS["baseline"]
    assert [e.elbo for e in baseline.train] == [250.0, 305.0]
    assert [e.elbo for e in baseline.held_out] == [300.0, 310.2]
    assert baseline.last_train is baseline.train[-1]
    assert baseline.to_limit == pytest.approx(0.5)
    assert [s.file for s in baseline.samples] == ["samples/1.png"]
    assert baseline.progress.column("loss").tolist() == [5.0, 4.0]
    assert baseline.progress.column("steps").tolist() == [10.0, 10.0]

    deep = state.models["deep"]
    assert not deep.linear
    assert (deep.status, deep.reason, deep.ended_at) == ("failed", "the loss became nan", 104.0)
    assert deep.to_limit is deep.last_held_out is None


def test_the_log_says_what_happened_in_the_words_of_a_person(script: list[Event]) -> None:
    lines = [(line.t, line.level, line.model, line.text) for line in reduce_all(RunState(), script).log]
    assert lines == [
        (100.0, "info", None, "run quiet-otter on cpu: mnist, 55,000 training and 5,000 held-out images"),
        (100.5, "warning", None, "the disk is nearly full"),
        (101.0, "info", "baseline", "started with 76,112 parameters, exact limit 310.70 nats on held-out images"),
        (101.1, "info", "baseline", "running"),
        (101.2, "info", "deep", "started with 1,091,920 parameters"),
        (101.3, "info", "deep", "running"),
        (103.2, "info", "baseline", "epoch 1: held-out ELBO 300.00 = 310.00 - 10.00 KL, 2 active, 3.0 s"),
        (104.0, "error", "deep", "failed: the loss became nan"),
        (105.1, "info", "baseline", "epoch 2: held-out ELBO 310.20 = 320.20 - 10.00 KL, 2 active, 3.0 s"),
        (106.0, "info", "baseline", "finished"),
        (107.0, "info", None, "run failed"),
    ]


def test_no_state_that_somebody_holds_ever_changes(script: list[Event]) -> None:
    states = [RunState()]
    as_made = [snapshot(states[0])]
    for event in script:
        states.append(reduce(states[-1], event))
        as_made.append(snapshot(states[-1]))
    for state in states:
        reduce_all(state, script)  # another future of each of them
    assert [snapshot(state) for state in states] == as_made


def test_events_at_once_or_one_by_one_give_the_same_state(script: list[Event]) -> None:
    halves = reduce_all(reduce_all(RunState(), script[:7]), script[7:])
    assert snapshot(halves) == snapshot(reduce_all(RunState(), script))


def test_models_are_in_the_order_of_the_configuration_whoever_starts_first() -> None:
    state = reduce_all(
        RunState(), [run_started(), model_started("deep", 101, None), model_started("baseline", 102, LIMIT)]
    )
    assert list(state.models) == ["baseline", "deep"]


def test_a_model_is_known_from_its_first_event_alone(progress: Make) -> None:
    state = reduce(RunState(), progress(3, model="stranger"))
    assert state.models["stranger"].step == 3
    assert state.models["stranger"].status is None


def test_time_never_runs_backwards() -> None:
    events = [Notice(t=t, level="info", text="") for t in (5.0, 3.0, 4.0)]
    assert reduce_all(RunState(), events).now == 5.0


def test_a_pause_is_no_end() -> None:
    state = reduce_all(
        RunState(),
        [State(t=1.0, model="a", state="paused"), State(t=2.0, model="b", state="stopped", reason="by the user")],
    )
    assert not state.models["a"].ended
    assert state.models["a"].ended_at is None
    assert state.models["b"].ended
    assert [line.text for line in state.log] == ["paused", "stopped: by the user"]


def test_the_log_keeps_the_newest_lines() -> None:
    events = [Notice(t=0.0, level="info", text=str(i)) for i in range(MOST_LOG_LINES + 5)]
    log = reduce_all(RunState(), events).log
    assert [line.text for line in log] == [str(i) for i in range(5, MOST_LOG_LINES + 5)]


def training(progress: Make, model: str, points: list[tuple[float, int]], steps: int) -> list[Event]:
    return [
        State(t=0.0, model=model, state="running"),
        *(progress(step, t=t, model=model, steps=steps) for t, step in points),
    ]


def test_the_time_left_follows_from_the_pace(progress: Make) -> None:
    state = reduce_all(RunState(), training(progress, "a", [(10.0, 100), (20.0, 200)], steps=1000))
    assert state.models["a"].seconds_left() == pytest.approx(80.0)


def test_the_time_left_follows_the_pace_of_the_last_minute(progress: Make) -> None:
    slow = [(float(t), t) for t in range(0, 600, 10)]
    fast = [(600.0 + t, 600 + 10 * t) for t in range(0, 70, 5)]
    state = reduce_all(RunState(), training(progress, "a", slow + fast, steps=2250))
    assert state.models["a"].seconds_left() == pytest.approx(100.0)


def test_two_points_far_apart_still_tell_the_time_left(progress: Make) -> None:
    state = reduce_all(RunState(), training(progress, "a", [(0.0, 1), (300.0, 2)], steps=4))
    assert state.models["a"].seconds_left() == pytest.approx(600.0)


def test_the_time_left_of_a_run_is_that_of_its_last_model(progress: Make) -> None:
    events = [
        *training(progress, "a", [(10.0, 10), (20.0, 20)], steps=30),
        *training(progress, "b", [(10.0, 10), (20.0, 20)], steps=90),
        State(t=20.0, model="c", state="running"),
    ]
    assert reduce_all(RunState(), events).seconds_left() == pytest.approx(70.0)


@pytest.mark.parametrize("points", [[], [(1.0, 1)], [(1.0, 5), (1.0, 6)], [(1.0, 5), (2.0, 5)], [(1.0, 9), (2.0, 10)]])
def test_no_pace_no_estimate(progress: Make, points: list[tuple[float, int]]) -> None:
    state = reduce_all(RunState(), training(progress, "a", points, steps=10))
    assert state.models["a"].seconds_left() is None
    assert state.seconds_left() is None


@pytest.mark.parametrize("status", ["paused", "stopped", "finished", "failed"])
def test_a_model_that_does_not_run_has_no_time_left(progress: Make, status: Any) -> None:
    events = training(progress, "a", [(10.0, 100), (20.0, 200)], steps=1000)
    state = reduce_all(RunState(), [*events, State(t=21.0, model="a", state=status)])
    assert state.models["a"].seconds_left() is None


def test_nothing_is_known_of_a_model_before_its_first_event() -> None:
    model = ModelState("a")
    assert (model.status, model.parameters, model.last_train, model.to_limit) == (None, None, None, None)
    assert not model.ended
    assert RunState().seconds_left() is None
    assert RunState().epochs == 0


def started_again(model: str, t: float, step: int | None, epoch: int | None) -> ModelStarted:
    return dataclasses.replace(model_started(model, t, None), resumed_at_step=step, resumed_at_epoch=epoch)


def samples(model: str, number: int, t: float) -> Samples:
    return Samples(t=t, model=model, epoch=number, file=f"{number} at {t:g}.png", layout=SheetLayout(10, 2, 1))


def checkpoint(model: str, number: int, step: int, kind: Any, t: float) -> Checkpoint:
    return Checkpoint(t=t, model=model, epoch=number, step=step, file=f"{kind}.safetensors", kind=kind)


def part_of_run(progress: Make, first_epoch: int, epochs: int, t: float) -> list[Event]:
    """Epochs of ten steps each of one model, with what is told of each."""
    told: list[Event] = []
    for number in range(first_epoch, first_epoch + epochs):
        for step in (10 * number - 5, 10 * number):
            t += 1
            told.append(progress(step, t=t, epoch=number, steps=1000, loss=float(step)))
        told += [epoch("deep", number, split, 200.0 + number, t + 0.1) for split in ("train", "held_out")]
        told += [samples("deep", number, t + 0.2), checkpoint("deep", number, 10 * number, "latest", t + 0.3)]
    return told


def tells_of_lost(event: Event, step: int, number: int) -> bool:
    if isinstance(event, Progress):
        return event.step > step
    return isinstance(event, (Epoch, Samples, Checkpoint)) and event.epoch > number


HISTORIES = ("progress", "train", "held_out", "samples", "epoch", "step")


@given(
    first=st.integers(0, 6),
    second=st.integers(0, 6),
    step=st.integers(0, 70),
    told_epoch=st.booleans(),
)
def test_what_a_resumed_model_has_lost_is_as_if_it_had_never_been_told(
    progress: Make, first: int, second: int, step: int, told_epoch: bool
) -> None:
    """Also where an older log does not tell the epoch at which the model resumes."""
    step = min(step, 10 * first)
    complete = step // 10
    begin = [run_started(), model_started("deep", 101, None), samples("deep", 0, 101.1)]
    before = part_of_run(progress, 1, first, 200.0)
    again = started_again("deep", 500.0, step, complete if told_epoch else None)
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
    assert [told.epoch for told in deep.samples] == [0]
    assert (deep.status, deep.reason, deep.ended_at, deep.step, deep.epoch) == (None, None, None, 0, 0)
    assert (deep.latest, deep.best, deep.started_at) == (None, None, 101)
    replaced = reduce(state, samples("deep", 0, 401.0)).models["deep"]
    assert [told.file for told in replaced.samples] == ["0 at 401.png"]


def test_the_newest_checkpoints_are_known_and_not_worth_a_line() -> None:
    told = [
        checkpoint("deep", 1, 10, "latest", 1.0),
        checkpoint("deep", 1, 10, "best", 1.1),
        checkpoint("deep", 2, 20, "latest", 2.0),
    ]
    state = reduce_all(RunState(), told)
    assert (state.models["deep"].latest, state.models["deep"].best) == (told[2], told[1])
    assert not state.log
    resumed = reduce(state, started_again("deep", 3.0, 15, 1)).models["deep"]
    assert (resumed.latest, resumed.best) == (None, told[1])


def test_a_second_start_of_the_run_resumes_it(script: list[Event]) -> None:
    ended = reduce_all(RunState(), script)
    config = {"models": [{"name": "deep"}, {"name": "baseline"}], "epochs": 5}
    again = dataclasses.replace(run_started(1000.0), config=config, device="cuda:0")
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
    told = [
        *training(progress, "deep", [(10.0, 100), (20.0, 200)], steps=1000),
        State(t=20.0, model="deep", state="paused"),
        State(t=50.0, model="deep", state="running"),
        progress(300, t=55.0, steps=1000),
        progress(400, t=60.0, steps=1000),
    ]
    assert reduce_all(RunState(), told).seconds_left() == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("model", "refused", "line"),
    [
        ("deep", None, ("info", "pause of deep asked by host 1234: done")),
        (None, None, ("info", "pause of all models asked by host 1234: done")),
        ("deep", "it has ended", ("warning", "pause of deep asked by host 1234: it has ended")),
    ],
)
def test_what_somebody_asked_for_is_in_the_log(model: str | None, refused: str | None, line: tuple[str, str]) -> None:
    request = Request(t=1.0, id="1", action="pause", model=model, by="host 1234", refused=refused)
    (told,) = reduce(RunState(), request).log
    assert (told.level, told.text) == line


def test_models_beyond_any_number_a_run_can_have_are_not_followed(progress: Make) -> None:
    state = reduce_all(RunState(), [progress(1, model=f"model {i}") for i in range(MOST_MODELS + 10)])
    assert len(state.models) == MOST_MODELS


@pytest.mark.parametrize("config", [{}, {"epochs": "many"}, {"epochs": None}, {"models": 3}, {"models": [{"name": 1}]}])
def test_a_configuration_that_makes_no_sense_is_shown_as_far_as_it_does(config: dict[str, Any]) -> None:
    state = reduce(RunState(), dataclasses.replace(run_started(), config=config))
    assert (state.epochs, state.models) == (0, {})
