"""What the reducer makes of an evaluation: one at work, what it found, and how it ended."""

from __future__ import annotations

import pytest

from tests.tui.recorded_evaluation import evaluation, evaluation_finished, progress_of_evaluation, verdict
from tests.unit.view.run_events import epoch, model_started, result, run_started, snapshot
from tui_vae.events import Event, RunFinished
from tui_vae.view.state import MOST_MODELS, RunState, reduce, reduce_all

BEGUN: list[Event] = [run_started(100.0), model_started("baseline", 101.0, None), model_started("deep", 101.0, None)]


def after(*events: Event) -> RunState:
    return reduce_all(RunState(), [*BEGUN, *events])


def last_line(state: RunState) -> tuple[str, str | None, str]:
    line = state.log[-1]
    return line.level, line.model, line.text


def test_nothing_is_evaluated_before_an_event_says_so() -> None:
    state = after()
    assert (state.evaluating, state.evaluated) == (None, None)
    assert {model.evaluation for model in state.models.values()} == {None}


def test_the_newest_progress_is_kept_until_the_end() -> None:
    first, second = progress_of_evaluation(0.1), progress_of_evaluation(0.4)
    assert after(first).evaluating is first
    assert after(first, second).evaluating is second
    end = evaluation_finished(t=200.0)
    state = after(first, second, end)
    assert (state.evaluating, state.evaluated) == (None, end)


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_an_evaluation_that_did_not_finish_is_over_as_well(status: str) -> None:
    kept = evaluation("deep", 1)
    state = after(progress_of_evaluation(), kept, evaluation_finished(status=status, reason="no memory", verdict=None))
    assert state.evaluating is None
    assert state.evaluated is not None
    assert state.evaluated.status == status
    # What was measured until then stays.
    assert state.models["deep"].evaluation is kept


def test_a_later_evaluation_takes_the_place_of_an_earlier_and_the_last_end_stays_known() -> None:
    end = evaluation_finished()
    first, second = evaluation("deep", 1, epoch=1), evaluation("deep", 1, epoch=2)
    state = after(progress_of_evaluation(), first, evaluation("baseline"), end)
    assert state.models["deep"].evaluation is first
    again = reduce_all(state, [progress_of_evaluation(0.2), second])
    assert again.models["deep"].evaluation is second
    assert again.models["baseline"].evaluation == evaluation("baseline")
    assert again.evaluated is end
    assert again.evaluating is not None
    # The state before is a value that nothing has changed.
    assert state.models["deep"].evaluation is first
    assert state.evaluating is None


def test_events_of_training_leave_an_evaluation_alone() -> None:
    progress = progress_of_evaluation()
    state = after(progress, evaluation("deep", 1), epoch("deep", 1, "held_out", -10.0, 140.0))
    assert state.evaluating is progress
    assert state.models["deep"].evaluation is not None
    assert state.models["deep"].last_held_out is not None


def test_the_end_of_the_run_comes_after_that_of_the_evaluation_and_keeps_it() -> None:
    finished = RunFinished(t=300.0, status="finished", models=(result("baseline"), result("deep")))
    state = after(evaluation("deep", 1), evaluation_finished(t=200.0), finished)
    assert state.status == "finished"
    assert state.evaluated is not None
    assert state.models["deep"].evaluation is not None


def test_a_run_that_is_taken_up_again_evaluates_no_more_and_keeps_what_was_measured() -> None:
    """The evaluating process has died with the one that trained."""
    kept = evaluation("deep", 1)
    state = after(kept, progress_of_evaluation(), run_started(400.0), model_started("deep", 401.0, None))
    assert state.evaluating is None
    assert state.models["deep"].evaluation is kept


def test_an_evaluation_of_a_model_that_nothing_else_tells_of_is_shown() -> None:
    state = after(evaluation("wide", 2))
    assert state.models["wide"].evaluation == evaluation("wide", 2)


def test_models_without_end_are_not_followed() -> None:
    state = after(*(evaluation(f"m{number}") for number in range(MOST_MODELS + 5)))
    assert len(state.models) == MOST_MODELS


def test_the_log_tells_of_results_and_ends_and_not_of_progress() -> None:
    lines = len(after().log)
    assert len(after(progress_of_evaluation(), progress_of_evaluation(0.9)).log) == lines
    assert last_line(after(evaluation("deep", 1))) == ("info", "deep", "evaluated at epoch 6 in 41 s")
    assert last_line(after(evaluation_finished())) == ("info", None, verdict().sentence)
    assert last_line(after(evaluation_finished(verdict=None))) == ("info", None, "evaluation finished")
    failed = evaluation_finished(status="failed", reason="no memory", verdict=None)
    assert last_line(after(failed)) == ("error", None, "evaluation failed: no memory")
    stopped = evaluation_finished(status="stopped", reason="by SIGTERM", verdict=None)
    assert last_line(after(stopped)) == ("info", None, "evaluation stopped: by SIGTERM")


def test_an_end_without_a_reason_is_shown_without_one() -> None:
    ended = evaluation_finished(status="stopped", reason=None, verdict=None)
    assert last_line(after(ended)) == ("info", None, "evaluation stopped")


def test_one_by_one_is_as_all_at_once() -> None:
    events = [*BEGUN, progress_of_evaluation(), evaluation("baseline"), evaluation("deep", 1), evaluation_finished()]
    state = RunState()
    for event in events:
        state = reduce(state, event)
    assert snapshot(state) == snapshot(reduce_all(RunState(), events))
