"""Pause, resume and stop from other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tui_vae.training.control import Control

PATIENCE = 30.0


def never() -> None:
    raise AssertionError("there was no pause")


class Waiting:
    """A thread that asks to proceed."""

    def __init__(self, control: Control) -> None:
        self.paused = threading.Event()
        self.pauses = 0
        self.answer: bool | None = None
        self._thread = threading.Thread(target=self._ask, args=(control,), daemon=True)
        self._thread.start()

    def _ask(self, control: Control) -> None:
        self.answer = control.proceed(self._note, never)

    def _note(self) -> None:
        self.pauses += 1
        self.paused.set()

    def ended(self) -> bool:
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()


def test_without_a_request_it_goes_on() -> None:
    control = Control()
    assert control.proceed(never, never)
    assert not control.paused
    assert control.stop_reason is None


def test_a_pause_waits_until_it_is_resumed_from_another_thread() -> None:
    control = Control()
    control.pause()
    assert control.paused
    waiting = Waiting(control)
    assert waiting.paused.wait(PATIENCE)
    assert waiting.answer is None
    control.resume()
    assert waiting.ended()
    assert waiting.answer is True
    assert waiting.pauses == 1
    assert control.proceed(never, never)


def test_a_stop_ends_a_pause() -> None:
    control = Control()
    control.pause()
    waiting = Waiting(control)
    assert waiting.paused.wait(PATIENCE)
    control.stop("the user left")
    assert waiting.ended()
    assert waiting.answer is False
    assert control.stop_reason == "the user left"


def test_a_stop_while_running_says_no_from_then_on() -> None:
    control = Control()
    control.stop("enough")
    assert not control.proceed(never, never)
    assert not control.proceed(never, never)


def test_the_first_reason_stands() -> None:
    control = Control()
    for reason in ("first", "second", "third"):
        control.stop(reason)
    assert control.stop_reason == "first"


def test_a_stop_is_not_undone_by_a_pause_or_a_resume() -> None:
    control = Control()
    control.stop("enough")
    control.pause()
    assert not control.proceed(never, never)
    control.resume()
    assert not control.proceed(never, never)


def test_pauses_do_not_add_up() -> None:
    control = Control()
    control.pause()
    control.pause()
    control.resume()
    control.resume()
    assert control.proceed(never, never)


def test_a_pause_inside_the_announcement_of_a_pause_is_no_deadlock() -> None:
    control = Control()
    control.pause()
    assert control.proceed(control.resume, never)


@pytest.mark.parametrize("ending", [Control.resume, lambda control: control.stop("enough")], ids=["resume", "stop"])
def test_every_waiting_thread_is_woken(ending: Callable[[Control], None]) -> None:
    control = Control()
    control.pause()
    waiting = [Waiting(control) for _ in range(4)]
    assert all(w.paused.wait(PATIENCE) for w in waiting)
    ending(control)
    assert all(w.ended() for w in waiting)
    assert {w.answer for w in waiting} == {control.stop_reason is None}


def test_requests_from_many_threads_at_once_leave_it_usable() -> None:
    control = Control()
    start = threading.Barrier(8)

    def press() -> None:
        start.wait(PATIENCE)
        for _ in range(500):
            control.pause()
            control.resume()

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert control.proceed(lambda: None, never)
    assert control.proceed(never, never)
