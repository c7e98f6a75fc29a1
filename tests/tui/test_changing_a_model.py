"""Epochs added and the learning rate changed by a dialog, and one model stopped alone."""

from __future__ import annotations

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import run_finished
from tui_vae.events import Schedule, State
from tui_vae.tui.screens import dialogs
from tui_vae.tui.screens.dialogs import ChangeScreen

SCHEDULE = Schedule(model="deep", step=600, steps=2500, epochs=25, lr=1e-3, by="the user")


@pytest.mark.parametrize("size", [(140, 45), (80, 24), (40, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_asks_how_many_epochs_and_says_what_comes_of_it(
    open_monitor: OpenMonitor, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size) as monitor:
        await monitor.press("a")
        assert isinstance(monitor.app.screen, ChangeScreen)
        shown = " ".join(monitor.panel("#change-dialog").replace("│", " ").split())
        for text in ("baseline: epochs to add", "a number", "enter apply", "esc cancel"):
            assert text in shown
        await monitor.press("enter")
        assert isinstance(monitor.app.screen, ChangeScreen), "nothing was asked for"
        await monitor.press("1", "2")
        await monitor.until(lambda: "epoch 6 of 20 now, 32 in total" in monitor.text)
        await monitor.press("enter")
        assert monitor.source.asked == [("add_epochs", "baseline 12")]
        assert len(monitor.app.screen_stack) == 1


async def test_l_asks_for_the_learning_rate_of_the_selected_model(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(SCHEDULE)
        await monitor.press("down", "l")
        assert "deep: peak learning rate" in monitor.text
        assert "0.001 now, 0.001 from the next step on" in monitor.text
        await monitor.press("end", "backspace", "5", "enter")
        assert monitor.source.asked == [("set_learning_rate", "deep 0.005")]


async def test_the_same_learning_rate_is_no_change(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(SCHEDULE)
        await monitor.press("down", "l", "enter")
        assert (len(monitor.app.screen_stack), monitor.source.asked) == (1, [])


@pytest.mark.parametrize("key", ["S", "q"])
async def test_words_typed_at_a_question_are_no_answer(
    open_monitor: OpenMonitor, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words typed as at a shell never reach the letter that stops the training."""
    monkeypatch.setattr(dialogs, "_SECONDS_OF_A_WORD", 60.0)
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press(key, *"use", "s")
        assert len(monitor.app.screen_stack) == 2
        await monitor.press("enter")
        assert (len(monitor.app.screen_stack), monitor.source.asked) == (1, [])
        assert monitor.app.return_value is None


async def test_words_meant_for_a_shell_add_no_epochs(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press(*"tail", "space", "minus", "f", "space", *"log", "enter")
        assert monitor.source.asked == []


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("a", "0", "a whole number from 1 to 1,000,000, not 0"),
        ("a", "1.5", "not 1.5"),
        ("l", "0", "the learning rate is a finite number above 0, not 0"),
        ("l", "x", "a number, not"),
        ("l", "", "a number"),
    ],
)
async def test_what_cannot_be_is_said_as_it_is_typed_and_enter_does_nothing(
    open_monitor: OpenMonitor, key: str, typed: str, said: str
) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press(key, "end", *["backspace"] * 8, *(k if k != "." else "full_stop" for k in typed))
        assert said in " ".join(monitor.panel("#change-dialog").replace("│", " ").split())
        await monitor.press("enter")
        assert isinstance(monitor.app.screen, ChangeScreen)
        await monitor.press("escape")
        assert (len(monitor.app.screen_stack), monitor.source.asked) == (1, [])


async def test_keys_typed_into_the_dialog_do_nothing_else(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("a", "space", "q", "p", "5", "escape")
        assert monitor.source.asked == []
        assert len(monitor.app.screen_stack) == 1


@pytest.mark.parametrize("key", ["a", "l"])
async def test_a_model_that_has_ended_and_a_run_that_is_only_watched_refuse(
    open_monitor: OpenMonitor, key: str
) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*run_finished())
        await monitor.press(key)
        await monitor.until_shown("baseline has ended; to train it on")
    async with open_monitor(size=(80, 24), cannot_control="watching only; see --control") as monitor:
        await monitor.press(key)
        await monitor.until_shown("watching only; see --control")
        assert monitor.source.asked == []


async def test_what_was_changed_is_shown_in_the_table_the_header_and_the_log(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(SCHEDULE)
        await monitor.until(lambda: "6/25" in monitor.panel("#models"))
        assert "6/20" in monitor.panel("#models")
        await monitor.press("5")
        log = " ".join(monitor.panel("#log").replace("│", " ").split())
        assert "schedule from step 600 on: 25 epochs, learning rate 0.001, by the user" in log


async def test_one_model_is_stopped_alone(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("down", "S")
        assert "o  stop only deep" in monitor.text
        await monitor.press("o")
        assert monitor.source.asked == [("stop", "deep by the user")]


async def test_where_only_one_goes_on_there_is_no_choice(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(State(model="baseline", state="stopped"))
        await monitor.press("S")
        assert "stop only" not in monitor.text
        await monitor.press("o", "s")
        assert monitor.source.asked == [("stop", "by the user")]
