"""A study as text: a line for each change, a table, JSON, and in place."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from tui_vae.config import DisplayConfig, ModelSpec
from tui_vae.config.study import Study, plan
from tui_vae.headless import study as outputs
from tui_vae.headless.study import (
    JsonStudyOutput,
    LiveStudyOutput,
    PlainStudyOutput,
    QuietStudyOutput,
    make_study_output,
)
from tui_vae.run_status import ListedModel, ListedRun, ListState
from tui_vae.view.study import TrialRow

STUDY: Study = plan(
    "trend",
    {"models": (ModelSpec("a"), ModelSpec("[red]b", (4,))), "epochs": 7},
    {"sigma": [0.2]},
    lambda name: name,
    now=0.0,
)
WAITING = [TrialRow(trial, config) for trial, config in STUDY.configs()]


def changed(row: TrialRow, state: ListState, epoch: int, elbo: float | None = None) -> TrialRow:
    models = (ListedModel(row.trial.model, epoch, elbo),)
    ended = 165.0 if state == "finished" else None
    run = ListedRun(f"/runs/{row.trial.id}", row.trial.id, state, models, 7, "mnist", 100.0, ended=ended)
    return TrialRow(row.trial, row.config, run)


@pytest.fixture
def written() -> tuple[Console, Callable[[], list[str]]]:
    stream = io.StringIO()
    console = Console(file=stream, width=100, highlight=False, emoji=False)
    return console, lambda: [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


Written = tuple[Console, Callable[[], list[str]]]


def test_a_line_says_what_a_trial_begins_or_ends(written: Written) -> None:
    console, lines = written
    now = [0.0]
    output = PlainStudyOutput(console, lambda: now[0])
    output.begin(STUDY, WAITING, 2)
    now[0] = 3.0
    first = changed(WAITING[0], "running", 0)
    output.show([first], [first, WAITING[1]])
    now[0] = 5.0
    output.show([changed(WAITING[0], "running", 3, 1.0)], [first, WAITING[1]])  # no other state
    now[0] = 65.0
    first = changed(WAITING[0], "finished", 7, 310.25)
    output.show([first], [first, WAITING[1]])
    assert lines() == [
        "study trend: 2 trials, 0 finished, 2 at once; no estimate of the time until one is finished",
        "   00:03  a-sigma0.2-seed0: running at epoch 0/7",
        "   01:05  a-sigma0.2-seed0: finished after 01:05, held-out ELBO 310.2",
        "          1 of 2 finished; about 00:49 left",  # the narrow model has less work than the linear one
    ]


def test_a_trial_that_goes_on_is_told_again(written: Written) -> None:
    console, lines = written
    output = PlainStudyOutput(console, lambda: 0.0)
    killed, running = changed(WAITING[0], "killed", 3, 1.0), changed(WAITING[0], "running", 3, 1.0)
    output.begin(STUDY, [killed, WAITING[1]], 1)
    output.show([running], [running, WAITING[1]])
    output.show([killed], [killed, WAITING[1]])
    output.show([running], [running, WAITING[1]])
    assert [line.split(": ", 1)[1].split(" at")[0] for line in lines()[1:]] == ["running", "killed", "running"]


def test_the_table_at_the_end_has_the_held_out_elbo_and_no_markup(written: Written) -> None:
    console, lines = written
    output = QuietStudyOutput(console)
    output.begin(STUDY, WAITING, 1)
    rows = [changed(WAITING[0], "finished", 7, 310.25), changed(WAITING[1], "failed", 2)]
    output.show(rows, rows)
    output.finish(rows, "/runs/trend")
    found = [" ".join(line.split()) for line in lines()]
    assert found[0] == "trial model sigma seed state epochs held-out ELBO"
    assert found[2:] == [
        "a-sigma0.2-seed0 a= 0.2 0 finished 7/7 310.2",
        "[red]b-sigma0.2-seed0 [red]b=4 0.2 0 failed 2/7 –",
        "kept in /runs/trend",
    ]


def test_json_has_a_record_for_every_change(capsys: pytest.CaptureFixture[str]) -> None:
    output = JsonStudyOutput()
    output.begin(STUDY, WAITING, 2)
    rows = [changed(WAITING[0], "finished", 7, float("nan")), WAITING[1]]
    output.show(rows[:1], rows)
    output.problem("b: no data")
    output.finish(rows, "/runs/trend")
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["event"] for record in records] == ["study_started", "trial", "problem", "study_finished"]
    assert all(record["study"] == "trend" and record["v"] == 1 for record in records)
    assert (records[1]["state"], records[1]["epoch"], records[1]["elbo"]) == ("finished", 7, None)
    assert records[3]["states"] == {"finished": 1, "waiting": 1}
    assert records[3]["directory"] == "/runs/trend"
    assert err == "tui-vae: b: no data\n"


def test_in_place_the_trials_that_run_are_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "in_background", lambda file: False)
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, highlight=False, emoji=False, color_system=None)
    output = LiveStudyOutput(console, lambda: 0.0)
    output.report("starting Ray")
    output.begin(STUDY, WAITING, 2)
    rows = [changed(WAITING[0], "running", 3, 1.5), WAITING[1]]
    output.show(rows[:1], rows)
    output.finish(rows, "/runs/trend")
    output.leave()
    shown = stream.getvalue()
    assert "starting Ray…" in shown
    assert "a-sigma0.2-seed0: running at epoch 3/7, held-out ELBO 1.5" in shown
    assert "0 of 2 finished, 1 running" in shown
    assert shown.rstrip().endswith("kept in /runs/trend")
    assert "\x1b[?25h" in shown  # the cursor is there again


@pytest.mark.parametrize(
    ("display", "kind"),
    [
        (DisplayConfig(no_ui=True, json=True), JsonStudyOutput),
        (DisplayConfig(no_ui=True, quiet=True), QuietStudyOutput),
        (DisplayConfig(no_ui=True), PlainStudyOutput),
    ],
)
def test_the_output_is_that_which_was_asked_for(display: DisplayConfig, kind: type[object]) -> None:
    assert type(make_study_output(display, in_place=False)) is kind
