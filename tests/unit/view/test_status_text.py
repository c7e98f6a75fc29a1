"""What is said of the process that trains."""

from __future__ import annotations

import pytest

from tui_vae.run_status import WriterStatus
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.status_text import run_status, status_warning

TRAINING = RunState(models={"deep": ModelState("deep", status="running")})


@pytest.mark.parametrize(
    ("state", "seen", "said"),
    [
        (TRAINING, WriterStatus("live"), None),
        (TRAINING, WriterStatus("stalled", 22.6), "no sign of life from the process that trains for 23 s"),
        (TRAINING, WriterStatus("stalled"), "no sign of life from the process that trains"),
        (TRAINING, WriterStatus("gone"), "the process that trained is gone; go on with: tui-vae --resume otter"),
        (
            TRAINING,
            WriterStatus("gone", moved="runs/lynx"),
            "the process that trained is gone; go on with: tui-vae --resume runs/lynx",
        ),
        (
            RunState(status="finished"),
            WriterStatus("gone", deleted=True),
            "the folder of the run was deleted: nothing of it is kept",
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
