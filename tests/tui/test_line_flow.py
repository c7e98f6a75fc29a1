"""How much is sent before the terminal has answered, on lines that are simulated to the byte."""

from __future__ import annotations

import math
from collections import deque

import pytest

from tui_vae.tui.terminal.line_flow import LineFlow


class Line:
    """A line of ``rate`` bytes a second and ``delay`` seconds each way.

    Attributes:
        now: Seconds.
        longest: Seconds between sending and showing, of any frame from now on.
        shown: Bytes.
    """

    def __init__(
        self,
        rate: float,
        delay: float,
        *,
        answers: bool = True,
        known: bool = True,
        remote: bool = True,
        buffer: float = math.inf,
    ) -> None:
        self.flow = LineFlow(known, remote=remote)
        self._buffer = buffer
        self.now = self.longest = 0.0
        self.shown = 0
        self._rate, self._delay, self._answers = rate, delay, answers
        self._free_at = 0.0
        self._coming = deque[float]()

    def run(self, seconds: float, frame: int, fps: float = 20.0) -> None:
        """Send frames of at most so many bytes, as the flow allows it."""
        end = self.now + seconds
        while self.now < end:
            self.now += 1 / fps
            while self._coming and self._coming[0] <= self.now:
                self.flow.answered(self._coming.popleft())
            blocked = (self._free_at - self.now) * self._rate > self._buffer
            size = min(frame, self.flow.room(self.now, blocked=blocked))
            if size:
                self.flow.sent(size, self.now)
                self._free_at = max(self._free_at, self.now) + size / self._rate
                self.longest = max(self.longest, self._free_at + self._delay - self.now)
                self.shown += size
                if self._answers:
                    self._coming.append(self._free_at + 2 * self._delay)


@pytest.mark.parametrize("delay", [0.01, 0.1])
@pytest.mark.parametrize("rate", [1_200.0, 3_000.0, 30_000.0, 1e6])
def test_a_frame_is_soon_shown_and_the_line_is_used(rate: float, delay: float) -> None:
    line = Line(rate, delay)
    line.run(20, 60_000)
    line.longest, line.shown = 0.0, 0
    line.run(40, 60_000)
    assert line.longest < delay + 0.6 + 1024 / rate
    assert line.shown > 0.5 * 40 * min(rate, 60_000 * 4)


def test_from_far_away_there_is_less_but_enough() -> None:
    line = Line(1e6, 0.35)
    line.run(60, 60_000)
    line.shown = 0
    line.run(20, 60_000)
    assert line.shown > 20 * 3_000


def test_small_frames_do_not_make_a_line_look_thin() -> None:
    line = Line(1e6, 0.1)
    line.run(5, 60_000)
    line.run(30, 100)
    line.shown = 0
    line.run(1, 60_000)
    assert line.shown > 150_000


def test_a_line_that_becomes_thin_is_noticed() -> None:
    line = Line(1e6, 0.02)
    line.run(10, 60_000)
    line._rate = 3_000.0
    line.run(300, 60_000)
    line.longest = 0.0
    line.run(30, 60_000)
    assert line.longest < 1.5
    assert line.flow.asks


def test_an_unanswering_terminal_at_hand_gets_a_page_within_a_second() -> None:
    line = Line(1e6, 0.0, answers=False, known=False, remote=False, buffer=8192)
    for _ in range(20):
        line.shown = 0
        line.run(1, 4096)
        assert line.shown > 50_000
    assert not line.flow.asks


def test_an_unanswering_terminal_far_away_gets_a_page_of_text_at_once_and_is_then_not_waited_for() -> None:
    line = Line(1e6, 0.02, answers=False, known=False)
    line.run(0.1, 12_000)
    assert line.shown >= 12_000
    line.run(7, 4096)
    assert not line.flow.asks
    line.shown = 0
    line.run(1, 4096)
    assert line.shown > 50_000


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_an_unanswering_terminal_on_a_thin_line_is_never_long_behind(remote: bool, known: bool) -> None:
    line = Line(3_000, 0.0, answers=False, known=known, remote=remote, buffer=8192)
    line.run(60, 8192)
    assert line.longest < 5.5
    assert line.shown > 0.9 * 60 * 3_000


@pytest.mark.parametrize("known", [False, True])
def test_a_remote_line_that_may_be_thin_is_not_flooded_before_it_could_have_answered(known: bool) -> None:
    line = Line(3_000, 0.0, answers=False, known=known)
    line.run(2, 12_000)
    assert line.longest < 5


def test_the_first_answers_of_a_terminal_at_hand_are_listened_to() -> None:
    line = Line(3_000, 0.3, known=False, remote=False)
    line.run(20, 4096)
    line.longest = 0.0
    line.run(30, 30_000)
    assert line.flow.asks
    assert line.longest < 1.6


def test_a_terminal_that_answers_late_is_listened_to_from_then_on() -> None:
    line = Line(3_000, 1.0, known=False)
    line.run(60, 30_000)
    assert line.flow.asks
    line.longest = 0.0
    line.run(30, 30_000)
    assert line.longest < 6


def test_the_first_frame_for_a_stranger_is_a_whole_one() -> None:
    assert LineFlow(answers=False).room(0.0) >= 100_000


def test_answers_that_come_in_a_heap_do_not_make_a_line_look_wide() -> None:
    flow = LineFlow(answers=True)
    for second in range(30):
        sizes = []
        while (room := flow.room(float(second))) and len(sizes) < 10:
            sizes.append(min(room, 300))
            flow.sent(sizes[-1], float(second))
        for number in range(len(sizes)):
            flow.answered(second + 0.9 + number * 1e-4)
    assert flow.room(30.0) < 8_000


def test_answers_that_nobody_waits_for_are_no_harm() -> None:
    flow = LineFlow(answers=True)
    flow.answered(1.0)
    flow.sent(500, 2.0)
    flow.reset()
    flow.answered(3.0)
    assert flow.room(3.0) > 0
