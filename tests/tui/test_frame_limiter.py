"""The interval between redraws: never faster than asked, never slower than two seconds, and within its share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.clock import Clock
from tui_vae.tui import redraw
from tui_vae.tui.redraw import DRAWING_SHARE, SHARE, SLOWEST, FrameLimiter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(redraw, "time", own)
    return own


def intervals(clock: Clock, fps: float, costs: list[float], *, training: bool = True) -> list[float]:
    paced = FrameLimiter(fps)
    found = []
    for cost in costs:
        clock.now += cost
        found.append(paced.interval(training=training, drew=True))
    return found


@given(fps=st.floats(0.1, 60), costs=st.lists(st.floats(0, 10), min_size=1, max_size=30), training=st.booleans())
def test_the_interval_is_between_the_fastest_and_two_seconds(fps: float, costs: list[float], training: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(redraw, "time", clock)
        for interval in intervals(clock, fps, costs, training=training):
            assert 1 / fps <= interval <= max(SLOWEST, 1 / fps)


@pytest.mark.parametrize("cost", [0.006, 0.01, 0.03, 0.045])
def test_a_steady_cost_takes_its_share_of_the_time(clock: Clock, cost: float) -> None:
    *_, last = intervals(clock, 10, [cost] * 20)
    assert cost / last == pytest.approx(SHARE)


@pytest.mark.parametrize("cost", [0.01, 0.05])
def test_drawings_elsewhere_take_a_share_of_their_own(clock: Clock, cost: float) -> None:
    drawings = 0.0
    paced = FrameLimiter(10, lambda: drawings)
    for _ in range(20):
        clock.now += 0.0001
        drawings += cost
        interval = paced.interval(training=True, drew=True)
    assert cost / interval == pytest.approx(DRAWING_SHARE)


def test_cheap_redraws_come_as_often_as_asked(clock: Clock) -> None:
    assert intervals(clock, 10, [0.0001] * 5) == pytest.approx([0.1] * 5)


def test_dear_redraws_come_every_two_seconds(clock: Clock) -> None:
    assert intervals(clock, 10, [1.0] * 5)[1:] == pytest.approx([2.0] * 4)


@pytest.mark.parametrize("before", [0, 3])
def test_one_dear_redraw_alone_does_not_slow_down_the_next(clock: Clock, before: int) -> None:
    """Such as the first of a page."""
    assert intervals(clock, 10, [0.001] * before + [0.1] + [0.001] * 5) == pytest.approx([0.1] * (before + 6))


def test_some_dear_redraws_are_forgotten(clock: Clock) -> None:
    found = intervals(clock, 10, [0.001] * 3 + [0.1] * 3 + [0.001] * 30)
    assert found[5] > 0.5
    assert found[-1] == pytest.approx(0.1)
    assert found[6:] == sorted(found[6:], reverse=True)


def test_when_nothing_trains_the_cost_does_not_matter(clock: Clock) -> None:
    assert intervals(clock, 10, [0.5] * 5, training=False) == pytest.approx([0.1] * 5)


def test_where_only_clocks_go_on_it_redraws_twice_a_second_unless_that_is_too_often(clock: Clock) -> None:
    assert FrameLimiter(10).interval(training=False, drew=True, idle=True) == pytest.approx(0.5)
    assert FrameLimiter(0.1).interval(training=False, drew=True, idle=True) == pytest.approx(10.0)
    assert FrameLimiter(10).interval(training=True, drew=True, idle=True) == pytest.approx(0.1)


def test_the_pace_of_a_slow_terminal_is_kept_even_beyond_two_seconds(clock: Clock) -> None:
    assert intervals(clock, 0.1, [5.0] * 3) == pytest.approx([10.0] * 3)


def test_what_is_not_drawn_tells_nothing_of_what_drawing_costs(clock: Clock) -> None:
    paced = FrameLimiter(10)
    found = []
    for cost, drew in [(0.05, True)] * 3 + [(0.0001, False)] * 50 + [(0.001, True), (0.05, True)]:
        clock.now += cost
        found.append(paced.interval(training=True, drew=drew))
    assert found[2] == pytest.approx(0.05 / SHARE)
    assert found[3:53] == pytest.approx([0.1] * 50)  # whether it is to be drawn again is looked at as often as asked
    assert found[53:] == pytest.approx([0.05 / SHARE] * 2)
