"""The interface on a run that another process trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import START, recorded_run, run_finished
from tests.tui.scripted_library import ScriptedLibrary
from tui_vae.events import State
from tui_vae.run_status import WriterStatus
from tui_vae.tui import Leave
from tui_vae.tui.screens.dialogs import LeaveScreen, StopScreen

WATCHING: dict[str, Any] = {"own": False, "cannot_control": "watching only; to control it: tui-vae watch --control x"}
IN_CONTROL: dict[str, Any] = {"own": False}


async def test_without_control_the_keys_say_how_to_get_it(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24), **WATCHING) as monitor:
        for key in ("space", "p", "c", "S", "ctrl+s"):
            monitor.app.clear_notifications()
            await monitor.until(lambda: "watch --control" not in monitor.text)
            await monitor.press(key)
            await monitor.until_shown("watch --control")
            assert monitor.source.asked == []
            assert len(monitor.app.screen_stack) == 1


async def test_with_control_the_keys_ask_the_other_process(open_monitor: OpenMonitor) -> None:
    async with open_monitor(**IN_CONTROL) as monitor:
        await monitor.press("space", "c")
        await monitor.until_shown("paused")
        await monitor.press("p")
        asked = monitor.source.asked
        assert asked[:3] == [("pause", "baseline"), ("checkpoint", "baseline"), ("checkpoint", "deep")]
        assert asked[3:] == [("pause", "deep")]


@pytest.mark.parametrize(
    ("keys", "options", "stops"),
    [(("S", "s"), IN_CONTROL, True), (("ctrl+s", "enter"), {}, True), (("S", "escape"), IN_CONTROL, False)],
)
async def test_stopping_asks_first(
    open_monitor: OpenMonitor, keys: tuple[str, str], options: dict[str, Any], stops: bool
) -> None:
    async with open_monitor(size=(80, 24), **options) as monitor:
        await monitor.press(keys[0])
        assert isinstance(monitor.app.screen, StopScreen)
        assert monitor.source.asked == []
        await monitor.press(keys[1])
        assert len(monitor.app.screen_stack) == 1
        assert monitor.source.asked == ([("stop", "by the user")] if stops else [])
        assert monitor.app.return_value is None


async def test_stopping_what_has_ended_says_so(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), *run_finished()], size=(80, 24), **IN_CONTROL) as monitor:
        await monitor.press("S")
        await monitor.until_shown("no model is training")
        assert len(monitor.app.screen_stack) == 1


@pytest.mark.parametrize(("key", "options"), [("q", WATCHING), ("ctrl+c", IN_CONTROL)])
async def test_leaving_asks_nothing_and_touches_nothing(
    open_monitor: OpenMonitor, key: str, options: dict[str, Any]
) -> None:
    async with open_monitor(size=(80, 24), **options) as monitor:
        await monitor.press(key)
        assert not isinstance(monitor.app.screen, LeaveScreen)
    assert monitor.app.return_value is Leave.DONE
    assert monitor.source.asked == []


CONDITIONS: list[tuple[list[Any], WriterStatus, str, str | None]] = [
    ([], WriterStatus("live"), "left", None),
    ([State(model=m, state="paused") for m in ("baseline", "deep")], WriterStatus("live"), "paused", None),
    ([], WriterStatus("stalled", 23.0), "stalled", "no heartbeat from the training process for 23 s"),
    ([], WriterStatus("gone"), "killed", "tui-vae --resume quiet-otter"),
    (run_finished("finished"), WriterStatus("gone"), "finished", None),
    (run_finished("stopped", state="stopped"), WriterStatus("gone"), "stopped", None),
    (run_finished("failed", state="failed"), WriterStatus("gone"), "failed", "baseline failed"),
]


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
@pytest.mark.parametrize(("events", "seen", "word", "alert"), CONDITIONS)
async def test_what_the_run_is_doing_is_in_the_status_line(
    open_monitor: OpenMonitor,
    events: list[Any],
    seen: WriterStatus,
    word: str,
    alert: str | None,
    size: tuple[int, int],
) -> None:
    async with open_monitor([*recorded_run(), *events], size=size, seen=seen, **WATCHING) as monitor:
        assert word in monitor.panel("#status")
        assert monitor.shows("#alert") == (alert is not None)
        if alert is not None and size[0] > 40:
            assert alert in monitor.panel("#alert")
        assert monitor.panel("#models").count("✗ killed") == (2 if word == "killed" else 0)


@pytest.mark.parametrize(("events", "seen"), [(run_finished(), WriterStatus("live")), ([], WriterStatus("gone"))])
async def test_the_time_of_a_run_that_ended_stands_still(
    open_monitor: OpenMonitor, events: list[Any], seen: WriterStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: START + 86_400)
    async with open_monitor([*recorded_run(), *events], seen=seen, **WATCHING) as monitor:
        shown = "01:40" if events else "00:06"
        assert shown in monitor.panel("#status")


async def test_a_log_that_begins_anew_replaces_what_was_known(open_monitor: OpenMonitor) -> None:
    async with open_monitor(recorded_run(names=("old",)), **WATCHING) as monitor:
        monitor.source.restarted = True
        await monitor.feed(*recorded_run(names=("new",)))
        await monitor.until_shown("new")
        assert "old" not in monitor.panel("#models")


async def test_files_are_written_where_the_watcher_is(
    open_monitor: OpenMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    library = ScriptedLibrary(tmp_path)
    async with open_monitor(library=library, **WATCHING) as monitor:
        await monitor.press("s")
        await monitor.until(lambda: list(here.iterdir()))
        await monitor.press("w", "c")
        await monitor.until(lambda: library.asked)
    assert library.asked == [("export", str(tmp_path), "csv", str(here))]
    assert [path.suffix for path in here.iterdir()] == [".svg"]
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
