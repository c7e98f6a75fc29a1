"""What is to be said of the process that trains a run, beside what its events say."""

from __future__ import annotations

from tui_vae.run_status import Condition, WriterStatus, condition
from tui_vae.view.state import RunState


def run_status(state: RunState, sighting: WriterStatus) -> Condition:
    """The condition of a run."""
    return condition(state.status, [model.status for model in state.models.values()], sighting.liveness)


def status_warning(state: RunState, sighting: WriterStatus, name: str) -> str | None:
    """What a person should know of the process that trains ``name``; ``None`` while there is nothing."""
    if sighting.deleted:
        return "the folder of the run was deleted: nothing of it is kept"
    match run_status(state, sighting):
        case "killed":
            return f"the process that trained is gone; go on with: tui-vae --resume {sighting.moved or name}"
        case "stalled" if sighting.silent is not None:
            return f"no sign of life from the process that trains for {sighting.silent:.0f} s"
        case "stalled":
            return "no sign of life from the process that trains"
    return None
