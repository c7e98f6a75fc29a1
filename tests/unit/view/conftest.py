"""Events for the tests of the view, made with few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tui_vae.events import Progress


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
