"""What a run is doing, from its events and the signs of life of its writer."""

from __future__ import annotations

from typing import Any

import pytest

from tui_vae.run_status import Condition, condition


@pytest.mark.parametrize(
    ("status", "models", "liveness", "expected"),
    [
        (None, [], "live", "running"),
        (None, [None, None], "live", "running"),
        (None, ["running", "paused"], "live", "running"),
        (None, ["paused", "paused"], "live", "paused"),
        (None, ["paused", "finished", "failed"], "live", "paused"),
        (None, ["finished", "finished"], "live", "running"),
        (None, ["paused"], "stalled", "stalled"),
        (None, ["finished"], "gone", "killed"),
        ("finished", ["finished"], "gone", "finished"),
        ("stopped", ["stopped"], "live", "stopped"),
        ("failed", ["failed"], "stalled", "failed"),
    ],
)
def test_the_end_counts_most_then_the_writer_then_the_models(
    status: Any, models: list[Any], liveness: Any, expected: Condition
) -> None:
    assert condition(status, models, liveness) == expected
