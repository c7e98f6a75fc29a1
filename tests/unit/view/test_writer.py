"""What is said of the process that trains."""

from __future__ import annotations

import pytest

from tui_vae.condition import Sighting
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.writer import concern, doing

TRAINING = RunState(models={"deep": ModelState("deep", status="running")})


@pytest.mark.parametrize(
    ("state", "seen", "said"),
    [
        (TRAINING, Sighting("live"), None),
        (TRAINING, Sighting("stalled", 22.6), "no sign of life from the process that trains for 23 s"),
        (TRAINING, Sighting("stalled"), "no sign of life from the process that trains"),
        (TRAINING, Sighting("gone"), "the process that trained is gone; go on with: tui-vae --resume otter"),
        (
            TRAINING,
            Sighting("gone", moved="runs/lynx"),
            "the process that trained is gone; go on with: tui-vae --resume runs/lynx",
        ),
        (
            RunState(status="finished"),
            Sighting("gone", deleted=True),
            "the folder of the run was deleted: nothing of it is kept",
        ),
        (RunState(status="finished"), Sighting("gone"), None),
        (RunState(status="stopped"), Sighting("stalled", 100.0), None),
    ],
)
def test_only_what_a_person_can_act_on_is_said(state: RunState, seen: Sighting, said: str | None) -> None:
    assert concern(state, seen, "otter") == said


def test_a_run_is_paused_when_all_that_have_not_ended_are() -> None:
    paused = RunState(models={"a": ModelState("a", status="paused"), "b": ModelState("b", status="finished")})
    assert doing(paused, Sighting("live")) == "paused"
