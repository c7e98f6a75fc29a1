"""What is said of the process that trains."""

from __future__ import annotations

import math

import pytest

from tests.tui.recorded_evaluation import evaluation_finished, progress_of_evaluation
from tests.tui.recorded_run import NAMES, epoch, recorded_run, run_finished
from tui_vae.events import Event, ModelStatus, State
from tui_vae.run_status import WriterStatus
from tui_vae.view.state import ModelState, RunState, reduce_all
from tui_vae.view.status_text import (
    at_work,
    in_lines,
    outcome,
    percent,
    result,
    run_status,
    share,
    status_warning,
    task,
    time_left,
    training_ended,
    trouble,
)

TRAINING = RunState(models={"deep": ModelState("deep", status="running")})


@pytest.mark.parametrize(
    ("state", "seen", "said"),
    [
        (TRAINING, WriterStatus("live"), None),
        (TRAINING, WriterStatus("stalled", 22.6), "no heartbeat from the training process for 23 s"),
        (TRAINING, WriterStatus("stalled"), "no heartbeat from the training process"),
        (TRAINING, WriterStatus("gone"), "the training process is gone; resume with: tui-vae --resume otter"),
        (
            TRAINING,
            WriterStatus("gone", moved="runs/lynx"),
            "the training process is gone; resume with: tui-vae --resume runs/lynx",
        ),
        (
            RunState(status="finished"),
            WriterStatus("gone", deleted=True),
            "the run's folder was deleted; nothing of it is left",
        ),
        (RunState(status="finished"), WriterStatus("gone"), None),
        (RunState(status="stopped"), WriterStatus("stalled", 100.0), None),
    ],
)
def test_only_what_a_person_can_act_on_is_said(state: RunState, seen: WriterStatus, said: str | None) -> None:
    assert status_warning(state, seen, "otter") == said


def test_a_run_is_paused_when_all_that_have_not_ended_are() -> None:
    paused = RunState(models={"a": ModelState("a", status="paused"), "b": ModelState("b", status="finished")})
    assert run_status(paused, WriterStatus("live")) == "paused"


LIVE, GONE = WriterStatus("live"), WriterStatus("gone")


def after(*events: Event) -> RunState:
    return reduce_all(RunState(), events)


@pytest.mark.parametrize(
    ("done", "text"), [(0.0, "0 %"), (0.439, "43 %"), (0.999, "99 %"), (1.0, "100 %"), (7, "100 %"), (-1, "0 %")]
)
def test_the_share_in_percent(done: float, text: str) -> None:
    assert percent(progress_of_evaluation(done)) == text


@pytest.mark.parametrize("done", [math.nan, math.inf, -math.inf])
def test_a_share_that_is_no_number_is_none(done: float) -> None:
    assert share(progress_of_evaluation(done)) == 0


def test_the_time_left_and_the_task() -> None:
    assert time_left(progress_of_evaluation(seconds_left=83.0)) == "01:23 left"
    assert time_left(progress_of_evaluation(seconds_left=None)) is None
    assert time_left(progress_of_evaluation(seconds_left=math.nan)) is None
    assert task(progress_of_evaluation(doing="recall")) == "deep: recall"
    assert task(progress_of_evaluation(doing="recall", model=None)) == "recall"


def test_it_is_at_work_while_its_process_lives_and_until_it_is_over() -> None:
    progress = progress_of_evaluation()
    assert at_work(after(), LIVE) is None
    assert at_work(after(progress), LIVE) is progress
    assert at_work(after(progress), GONE) is None
    assert at_work(after(progress, evaluation_finished()), LIVE) is None


def test_what_went_wrong() -> None:
    failed = evaluation_finished(status="failed", reason="no\x1b weights", verdict=None)
    assert trouble(after(), LIVE) is None
    assert trouble(after(evaluation_finished()), LIVE) is None
    assert trouble(after(failed), LIVE) == "evaluation failed: no\\x1b weights"
    assert trouble(after(failed, progress_of_evaluation()), LIVE) is None
    assert trouble(after(progress_of_evaluation()), GONE) == "the evaluation was cut off: its process is gone"
    assert trouble(after(evaluation_finished(status="stopped", reason=None)), LIVE) == "evaluation stopped"


@pytest.mark.parametrize(
    ("states", "ended"),
    [((), False), (("finished", "running"), False), (("finished", "failed"), True), (("stopped",), True)],
)
def test_training_has_ended_when_every_model_has(states: tuple[ModelStatus, ...], ended: bool) -> None:
    assert training_ended(after(*(State(model=f"m{i}", state=s) for i, s in enumerate(states)))) is ended


GONE = WriterStatus("gone")


def test_of_two_models_the_higher_elbo_is_named_first() -> None:
    state = after(*recorded_run())
    assert result(state) == "deep has the higher held-out ELBO: 346.0 against 286.0 nats"
    assert result(state, short=True) == "deep 346.0 > baseline 286.0"


def test_of_many_models_the_two_best_are_named() -> None:
    state = after(*recorded_run(names=("a", "b", "c")), epoch("b", 7, elbo=400.0))
    assert result(state) == "b has the highest held-out ELBO: 400.0 nats, ahead of a (286.0)"


def test_what_is_the_same_to_the_digit_shown_is_called_the_same() -> None:
    state = after(*recorded_run(), epoch("deep", 7, elbo=300.01), epoch("baseline", 7, elbo=300.02))
    assert result(state) == "baseline and deep have the same held-out ELBO: 300.0 nats"
    assert result(state, short=True) == "baseline 300.0 = deep 300.0"


def test_a_model_that_failed_or_is_not_finite_does_not_count() -> None:
    state = after(*recorded_run(), State(model="deep", state="failed", reason="nan"))
    assert result(state) == "baseline has a held-out ELBO of 286.0 nats"
    state = after(*recorded_run(), epoch("deep", 7, elbo=float("nan")))
    assert result(state).startswith("baseline has")


def test_without_any_epoch_it_says_so() -> None:
    assert result(after(*recorded_run(0))) == "no model that was trained has a held-out ELBO"


def test_a_run_that_goes_on_has_no_outcome() -> None:
    assert outcome(after(*recorded_run()), "runs/quiet-otter", 80, GONE) == []


def test_a_finished_run_says_what_came_out_and_where_it_is_kept() -> None:
    said = outcome(after(*recorded_run(), *run_finished()), "runs/quiet-otter", 80, GONE)
    assert said == [
        "finished: deep has the higher held-out ELBO: 346.0 against 286.0 nats",
        "kept in runs/quiet-otter",
    ]
    assert outcome(after(*recorded_run(), *run_finished()), None, 38, GONE) == ["finished: deep 346.0 > baseline 286.0"]


def test_a_stopped_run_says_how_to_go_on() -> None:
    said = outcome(after(*recorded_run(), *run_finished("stopped", NAMES, state="stopped")), None, 80, GONE)
    assert said[1] == "resume with: tui-vae --resume quiet-otter"


def test_a_run_whose_folder_was_moved_or_deleted_is_not_recommended_by_its_old_name() -> None:
    state = after(*recorded_run(), *run_finished("stopped", NAMES, state="stopped"))
    moved = outcome(state, "runs/lynx", 80, WriterStatus("gone", moved="runs/lynx"))
    assert moved[1:] == ["resume with: tui-vae --resume runs/lynx", "kept in runs/lynx"]
    deleted = outcome(state, "runs/quiet-otter", 80, WriterStatus("gone", deleted=True))
    assert len(deleted) == 1


@pytest.mark.parametrize(
    ("width", "most", "lines"),
    [
        (40, 1, ["first part · second one"]),
        (24, 2, ["first part · second one", "the third of them"]),
        (12, 2, ["first part", "second one"]),
        (6, 2, ["first…"]),
    ],
)
def test_parts_stand_in_lines_and_only_the_first_is_cut(width: int, most: int, lines: list[str]) -> None:
    assert in_lines(["first part", "second one", "the third of them"], width, most) == lines


def test_no_parts_are_no_lines() -> None:
    assert in_lines([], 40, 2) == []
