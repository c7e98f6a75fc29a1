"""What the interface takes while models train."""

from __future__ import annotations

import pytest

from tui_vae.bench.ui_overhead import measure_ui_overhead


@pytest.mark.long
def test_interface_and_drawing_process_take_part_of_a_core_and_charts_change() -> None:
    figures = {name: value for (name, _), value in measure_ui_overhead(seconds=10.0).items()}
    assert 0 < figures["the interface's thread, of one core"] < 1
    assert 0 < figures["the process that draws charts, of one core"] < 1
    assert 10 < figures["the process that draws charts: memory"] < 500
    assert 0 < figures["the largest chart is redrawn"] < 20
