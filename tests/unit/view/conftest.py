"""Events for the tests of the view, made with few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tui_vae.events import Checkpoint, Event, Notice, Progress, RunFinished, Samples, SheetLayout, State

from .run_events import LIMIT, Make, epoch, model_started, result, run_started


@pytest.fixture(scope="session")
def progress() -> Callable[..., Progress]:
    """Makes a progress event of a step; what is not given is plain."""

    def make(step: int, **fields: Any) -> Progress:
        plain = {
            "t": step / 10,
            "model": "deep",
            "epoch": 1,
            "steps": 1_000_000,
            "loss": 1.0,
            "loss_min": 0.5,
            "loss_max": 1.5,
            "reconstruction": -0.75,
            "kl": 0.25,
            "images_per_second": 1000.0,
        }
        return Progress(step=step, **(plain | fields))

    return make


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
