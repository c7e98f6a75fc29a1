"""The loss of the terminal, as the process that had it sees it."""

from __future__ import annotations

import threading

import pytest

from tui_vae.app.terminal import TerminalWatch


@pytest.fixture
def terminal() -> TerminalWatch:
    terminal = TerminalWatch()
    terminal._devices.clear()  # the terminal of the test run stays
    return terminal


def test_the_answer_may_need_a_lock_that_the_interrupted_thread_holds(terminal: TerminalWatch) -> None:
    """As a signal's handler that comes in the middle of handing over events."""
    lock, answered = threading.Lock(), threading.Event()

    def answer(reason: str) -> None:
        with lock:
            answered.set()

    terminal.on_lost(answer)
    terminal.watch()
    with lock:
        terminal.lose("SIGHUP")
    assert answered.wait(30)
    assert terminal.lost


def test_a_loss_is_answered_once_and_also_when_an_answer_is_set_later(terminal: TerminalWatch) -> None:
    reasons: list[str] = []
    done = threading.Event()

    def answer(reason: str) -> None:
        reasons.append(reason)
        done.set()

    terminal.on_lost(answer)
    terminal.watch()
    terminal.lose("SIGHUP")
    terminal.lose("the terminal went away")
    assert done.wait(30)
    assert reasons == ["SIGHUP"]
    terminal.on_lost(answer)
    assert reasons == ["SIGHUP", "SIGHUP"]


def test_a_loss_before_it_is_watched_for_is_answered(terminal: TerminalWatch) -> None:
    answered = threading.Event()
    terminal.lose("SIGHUP")
    terminal.on_lost(lambda reason: answered.set())
    assert answered.is_set()
    answered.clear()
    terminal.watch()
    assert answered.wait(30)
