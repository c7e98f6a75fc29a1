"""What the interface says when all is over, or when something went wrong."""

from __future__ import annotations

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import recorded_run, run_finished
from tui_vae.events import Notice, State
from tui_vae.run_status import WriterStatus

TRACEBACK = "Traceback (most recent call last):\n  File x\nValueError: no"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((40, 12), ["finished: deep 346.0 > baseline 286.0"]),
        ((80, 24), ["finished: deep has the higher held-out ELBO: 346.0 against 286.0 nats", "e evaluates"]),
        (
            (140, 45),
            ["finished: deep has the higher held-out ELBO: 346.0 against 286.0 nats", "kept in ", "e evaluates"],
        ),
    ],
    ids=["40x12", "80x24", "140x45"],
)
async def test_a_finished_run_says_what_came_out_and_what_can_be_done(
    open_monitor: OpenMonitor, size: tuple[int, int], said: list[str]
) -> None:
    async with open_monitor(size=size) as monitor:
        assert not monitor.shows("#outcome")
        await monitor.feed(*run_finished())
        await monitor.until(lambda: all(text in monitor.panel("#outcome") for text in said))
        assert "…" not in monitor.panel("#outcome")
        await monitor.press("2")
        assert monitor.shows("#outcome")


async def test_a_failed_model_is_named_with_the_place_of_its_traceback(open_monitor: OpenMonitor) -> None:
    failure = [
        Notice(level="error", text=TRACEBACK, model="deep"),
        State(model="deep", state="failed", reason="ValueError: no " * 20),
    ]
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*failure)
        await monitor.until(lambda: "deep failed: ValueError: no" in monitor.panel("#alert"))
        assert monitor.panel("#alert").rstrip().endswith("… · 5 shows why")
        await monitor.press("5")
        await monitor.until_shown("Traceback (most recent call last)")


async def test_where_space_is_short_what_went_wrong_comes_before_how_it_ended(open_monitor: OpenMonitor) -> None:
    failed = [*recorded_run(), State(model="deep", state="failed", reason="why"), *run_finished("failed")]
    async with open_monitor(failed[:-3] + failed[-1:], size=(40, 12)) as monitor:
        await monitor.until_shown("deep failed: why")
        assert not monitor.shows("#outcome")
        await monitor.resize(80, 24)
        await monitor.until(lambda: "failed: baseline has a held-out ELBO of 286.0 nats" in monitor.panel("#outcome"))


async def test_a_lost_trainer_is_told_with_the_way_to_go_on(open_monitor: OpenMonitor) -> None:
    gone = {"own": False, "seen": WriterStatus("gone")}
    async with open_monitor(size=(80, 24), **gone) as monitor:
        await monitor.until_shown("the training process is gone; resume with: tui-vae --resume quiet-otter")
        killed = [s for strip in monitor.strips for s in strip if "killed" in s.text and s.style and s.style.bold]
        assert len(killed) == 2


async def test_messages_leave_the_table_and_the_keys_in_view_at_40_by_12(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(40, 12)) as monitor:
        await monitor.press("c", "e")
        await monitor.until_shown("saving every model")
        for text in ("held out", "286.0", "346.0", "? keys", "q leave"):
            assert text in monitor.text


async def test_help_stands_in_two_columns_where_there_is_room(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("question_mark")
        assert "Explore the next model." in monitor.text
        await monitor.resize(80, 24)
        await monitor.settle()
        assert "Explore the next model." not in monitor.text
        await monitor.press("end")
        await monitor.until_shown("Quit, like q.")
