"""The dialogs: help, palette, and what becomes of training when the user leaves."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from tests.tui.app_driver import OpenMonitor
from tests.tui.random_use import Pointed, Typed, do
from tests.tui.recorded_run import run_finished
from tui_vae.tui import Leave
from tui_vae.tui.keys import EXPLORER, GROUPS, STUDY_BINDINGS
from tui_vae.tui.screens.dialogs import LeaveScreen
from tui_vae.tui.screens.help import HelpScreen

ALL_BINDINGS = [binding for group in GROUPS.values() for binding in group]


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_every_binding_with_its_key_and_text(open_monitor: OpenMonitor, key: str) -> None:
    async with open_monitor(size=(80, 120)) as monitor:
        await monitor.press(key)
        assert isinstance(monitor.app.screen, HelpScreen)
        rows = [line.strip("│").split() for line in monitor.panel("#help-dialog").splitlines()]
        for binding in ALL_BINDINGS:
            assert [binding.key_display, *binding.tooltip.split()] in rows
        for title in GROUPS:
            assert title.split() in rows


@pytest.mark.parametrize("key", ["escape", "q", "enter", "question_mark"])
async def test_help_is_closed_by_the_keys_one_would_try(open_monitor: OpenMonitor, key: str) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("question_mark", key)
        assert len(monitor.app.screen_stack) == 1


async def test_help_scrolls_where_it_does_not_fit(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        await monitor.press("question_mark")
        assert "Pause or resume" in monitor.text
        await monitor.press("end")
        await monitor.until_shown("Quit, like q.")


@pytest.mark.parametrize("explores", [False, True])
async def test_the_palette_lists_the_actions(open_monitor: OpenMonitor, explores: bool) -> None:
    async with open_monitor(size=(60, 300)) as monitor:
        await monitor.press(*(["z"] if explores else []), "ctrl+p")
        for title, bindings in GROUPS.items():
            if bindings is STUDY_BINDINGS or (bindings is EXPLORER and not explores):
                continue  # on their pages only
            for binding in bindings:
                if binding.action != "command_palette":
                    await monitor.until_shown(f"{title}: {binding.description}")


@pytest.mark.parametrize("size", [(140, 45), (40, 12)])
async def test_the_palette_finds_and_runs_an_action(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    async with open_monitor(size=size) as monitor:
        await monitor.press("ctrl+p", *"latents")
        await monitor.until_shown("Pages: latents")
        await monitor.press("enter", "enter")
        await monitor.until(lambda: monitor.shows("#latents"))


async def test_the_palette_goes_to_another_panel(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        assert monitor.focused == "models"
        await monitor.press("ctrl+p", *"previous")
        await monitor.until_shown("Panels: previous panel")
        await monitor.press("enter", "enter")
        await monitor.until(lambda: monitor.focused == "samples")


async def test_q_asks_and_offers_three_ways(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q")
        assert isinstance(monitor.app.screen, LeaveScreen)
        for text in (
            "Training is still running. Leave?",
            "h  keep training here without the interface",
            "s  stop and save a checkpoint",
            "esc  cancel",
        ):
            assert text in monitor.text


async def test_at_40_by_12_the_question_is_seen_with_all_answers(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        await monitor.press("q")
        for text in ("Training is still running", " h ", " s ", "esc"):
            assert text in monitor.text


@pytest.mark.parametrize(
    ("keys", "leave"),
    [
        (["h"], Leave.HEADLESS),
        (["s"], Leave.STOP),
        (["enter"], Leave.HEADLESS),
        (["down", "enter"], Leave.STOP),
        (["ctrl+c"], Leave.STOP),
    ],
)
async def test_the_answer_is_what_the_app_returns(open_monitor: OpenMonitor, keys: list[str], leave: Leave) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q", *keys)
    assert monitor.app.return_value is leave


@pytest.mark.parametrize("keys", [["escape"], ["q"], ["down", "down", "enter"]])
async def test_cancelling_goes_on_as_before(open_monitor: OpenMonitor, keys: list[str]) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q", *keys)
        assert len(monitor.app.screen_stack) == 1
        assert monitor.app.return_value is None
        await monitor.press("2")
        assert monitor.shows("#digits")


async def test_keys_of_the_interface_do_nothing_behind_the_question(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q", "space", "p", "w", "escape")
        assert monitor.source.asked == []


async def test_tab_moves_within_the_question(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q", "tab", "shift+tab")
        assert isinstance(monitor.app.focused, OptionList)


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_ctrl_c_asks_and_again_stops(open_monitor: OpenMonitor, key: str) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press(key)
        assert isinstance(monitor.app.screen, LeaveScreen)
        assert monitor.app.return_value is None
        await monitor.press(key)
    assert monitor.app.return_value is Leave.STOP


@pytest.mark.parametrize(("status", "key"), [("finished", "q"), ("stopped", "ctrl+c"), ("failed", "q")])
async def test_when_the_run_is_over_leaving_asks_nothing(open_monitor: OpenMonitor, key: str, status: str) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*run_finished(status))
        await monitor.until_shown(status)
        await monitor.press(key)
    assert monitor.app.return_value is Leave.DONE


async def test_the_interface_stays_when_training_ends(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*run_finished())
        await monitor.until(lambda: monitor.panel("#models").count("✓ finished") == 2)
        await monitor.press("2")
        await monitor.until_shown("samples from the prior")
        assert monitor.app.return_value is None


async def test_the_run_ending_behind_the_question_can_still_be_left(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("q")
        await monitor.feed(*run_finished())
        await monitor.press("h")
    assert monitor.app.return_value is not None


async def test_a_request_to_stop_from_outside_leaves_at_once(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("question_mark")
        monitor.app.request_stop("SIGTERM")
        await monitor.until(lambda: monitor.app.return_value is not None)
    assert monitor.app.return_value is Leave.STOP


async def test_two_clicks_in_haste_beside_the_palette_close_it_alone(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("ctrl+p")
        await do(monitor, Pointed(1, 2, (0, 0), (0, 0)))
        await monitor.until(lambda: len(monitor.app.screen_stack) == 1)
        await monitor.press("2")
        assert monitor.shows("#digits")


async def test_a_dialog_that_was_answered_twice_is_answered_once(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        answers: list[Leave | None] = []
        dialog = LeaveScreen(evaluation_alone=False)
        await monitor.app.push_screen(dialog, answers.append)
        await monitor.settle()
        dialog.dismiss(None)
        dialog.dismiss(Leave.STOP)
        await monitor.until(lambda: answers)
        await monitor.settle()
        assert answers == [None]
        assert len(monitor.app.screen_stack) == 1


@pytest.mark.parametrize("key", ["a", "r", "3", "0", "question_mark", "q"])
async def test_a_key_right_after_the_one_that_leaves_is_harmless(open_monitor: OpenMonitor, key: str) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await do(monitor, Typed(("ctrl+c",)))
        await do(monitor, Typed(("s", key)))
        await monitor.until(lambda: not monitor.app.is_running or monitor.app.return_value is not None)
    assert monitor.app.return_value is Leave.STOP
