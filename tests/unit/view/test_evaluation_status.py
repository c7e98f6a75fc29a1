"""What is told of an evaluation at work, and of one that is over."""

from __future__ import annotations

import math

import pytest

from tests.tui.recorded_evaluation import evaluation_finished, progress_of_evaluation
from tui_vae.events import Event, ModelStatus, State
from tui_vae.run_status import WriterStatus
from tui_vae.view.evaluation_status import at_work, percent, share, task, time_left, training_ended, trouble
from tui_vae.view.state import RunState, reduce_all

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
