"""How a run ended, in sentences."""

from __future__ import annotations

import pytest

from tests.tui.recorded_run import NAMES, epoch, recorded_run, run_finished
from tui_vae.events import Event, State
from tui_vae.run_status import WriterStatus
from tui_vae.view.result_text import in_lines, outcome, result
from tui_vae.view.state import RunState, reduce_all

GONE = WriterStatus("gone")


def after(events: list[Event]) -> RunState:
    return reduce_all(RunState(), events)


def test_of_two_models_the_higher_elbo_is_named_first() -> None:
    state = after(recorded_run())
    assert result(state) == "deep has the higher held-out ELBO: 346.0 against 286.0 nats"
    assert result(state, short=True) == "deep 346.0 > baseline 286.0"


def test_of_many_models_the_two_best_are_named() -> None:
    state = after([*recorded_run(names=("a", "b", "c")), epoch("b", 7, elbo=400.0)])
    assert result(state) == "b has the highest held-out ELBO: 400.0 nats, before a with 286.0"


def test_what_is_the_same_to_the_digit_shown_is_called_the_same() -> None:
    state = after([*recorded_run(), epoch("deep", 7, elbo=300.01), epoch("baseline", 7, elbo=300.02)])
    assert result(state) == "baseline and deep have the same held-out ELBO: 300.0 nats"
    assert result(state, short=True) == "baseline 300.0 = deep 300.0"


def test_a_model_that_failed_or_is_not_finite_does_not_count() -> None:
    state = after([*recorded_run(), State(model="deep", state="failed", reason="nan")])
    assert result(state) == "baseline has a held-out ELBO of 286.0 nats"
    state = after([*recorded_run(), epoch("deep", 7, elbo=float("nan"))])
    assert result(state).startswith("baseline has")


def test_without_any_epoch_it_says_so() -> None:
    assert result(after(recorded_run(0))) == "no model that was trained has a held-out ELBO"


def test_a_run_that_goes_on_has_no_outcome() -> None:
    assert outcome(after(recorded_run()), "runs/quiet-otter", 80, GONE) == []


def test_a_finished_run_says_what_came_out_and_where_it_is_kept() -> None:
    said = outcome(after([*recorded_run(), *run_finished()]), "runs/quiet-otter", 80, GONE)
    assert said == [
        "finished: deep has the higher held-out ELBO: 346.0 against 286.0 nats",
        "kept in runs/quiet-otter",
    ]
    assert outcome(after([*recorded_run(), *run_finished()]), None, 38, GONE) == [
        "finished: deep 346.0 > baseline 286.0"
    ]


def test_a_stopped_run_says_how_to_go_on() -> None:
    said = outcome(after([*recorded_run(), *run_finished("stopped", NAMES, state="stopped")]), None, 80, GONE)
    assert said[1] == "go on with: tui-vae --resume quiet-otter"


def test_a_run_whose_folder_was_moved_or_deleted_is_not_recommended_by_its_old_name() -> None:
    state = after([*recorded_run(), *run_finished("stopped", NAMES, state="stopped")])
    moved = outcome(state, "runs/lynx", 80, WriterStatus("gone", moved="runs/lynx"))
    assert moved[1:] == ["go on with: tui-vae --resume runs/lynx", "kept in runs/lynx"]
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
