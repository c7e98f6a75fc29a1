"""Readings in columns of time."""

from __future__ import annotations

import math

import pytest

from tests.tui.recorded_machine import reading
from tui_vae.view.machine import timeline


@pytest.mark.parametrize("width", [1, 7, 60, 150, 400])
def test_five_minutes_fill_the_width_and_no_column_is_without_a_reading(width: int) -> None:
    readings = [reading(second) for second in range(400)]
    columns = timeline(readings, width).columns
    assert len(columns) == min(width, 150)
    assert all(columns)
    assert columns[-1][-1] is readings[-1]


def test_a_column_keeps_its_readings_while_it_moves_to_the_left() -> None:
    readings = [reading(second) for second in range(300)]
    before = timeline(readings[:-10], 30).columns
    after = timeline(readings, 30).columns
    assert after[:-1] == before[1:]


def test_means_are_of_what_is_known() -> None:
    readings = [reading(0, cpu=0.2), reading(1, cpu=None), reading(2, cpu=0.4), reading(299, cpu=None)]
    means = timeline(readings, 10).means(lambda r: r.cpu)
    assert means[0] == pytest.approx(0.3)
    assert all(math.isnan(mean) for mean in means[1:])


def test_without_readings_nothing_is_known() -> None:
    assert timeline((), 30).columns == ((),) * 30
