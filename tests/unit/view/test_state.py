"""The reducer: what a run's events add up to, without ever changing what somebody holds."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from tui_vae.events import Event, Notice, Request, State
from tui_vae.view.state import MOST_LOG_LINES, MOST_MODELS, ModelState, RunState, reduce, reduce_all

from .run_events import DATA, LIMIT, PARAMETERS, Make, model_started, run_started, snapshot, training


def test_a_whole_run_adds_up(script: list[Event]) -> None:
    state = reduce_all(RunState(), script)
    assert (state.name, state.device, state.epochs, state.data) == ("quiet-otter", "cpu", 2, DATA)
    assert (state.started_at, state.now, state.status) == (100.0, 107.0, "failed")
    assert [r.model for r in state.results] == ["baseline", "deep"]
    assert list(state.models) == ["baseline", "deep"]

    baseline = state.models["baseline"]
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


def test_models_are_in_the_order_of_the_configuration_whichever_starts_first() -> None:
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
    assert RunState().epochs is None


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
    (line_logged,) = reduce(RunState(), request).log
    assert (line_logged.level, line_logged.text) == line


def test_models_beyond_any_number_a_run_can_have_are_not_followed(progress: Make) -> None:
    state = reduce_all(RunState(), [progress(1, model=f"model {i}") for i in range(MOST_MODELS + 10)])
    assert len(state.models) == MOST_MODELS


@pytest.mark.parametrize("config", [{}, {"epochs": "many"}, {"epochs": None}, {"models": 3}, {"models": [{"name": 1}]}])
def test_a_configuration_that_makes_no_sense_is_shown_as_far_as_it_does(config: dict[str, Any]) -> None:
    state = reduce(RunState(), structs.replace(run_started(), config=config))
    assert (state.epochs, state.models) == (None, {})


def test_the_log_says_which_precision_was_chosen() -> None:
    state = reduce(RunState(), structs.replace(run_started(), config={"precision": "bf16"}))
    assert state.log[-1].text.startswith("run quiet-otter on cpu, bf16: mnist")
