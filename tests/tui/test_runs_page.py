"""The page of runs: what it lists and says, and every key of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import run_finished
from tests.tui.scripted_library import ScriptedLibrary, at_training, listed
from tui_vae.run_status import ListedRun
from tui_vae.tui import Leave, redraw
from tui_vae.tui.pages.runs import page as runs_page
from tui_vae.tui.screens.dialogs import DeleteScreen, LeaveScreen, RenameScreen
from tui_vae.view.state import RunState

SIZES = [(140, 45), (80, 24), (40, 12)]
NOTHING_OPEN: dict[str, Any] = {"open_source": None, "waits": False, "state": RunState()}


@pytest.fixture(autouse=True)
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read again, and the run under the cursor, without the pauses that people need."""
    monkeypatch.setattr(runs_page, "SECONDS_BETWEEN_LISTS", 0.05)
    monkeypatch.setattr(runs_page, "SECONDS_BETWEEN_LOOKS", 0.02)
    monkeypatch.setattr(runs_page, "SECONDS_TO_REST", 0.01)


@pytest.fixture
def library(tmp_path: Path) -> ScriptedLibrary:
    damaged = ListedRun("/runs/ruin", "ruin", "damaged", trouble="its log begins with a line that is not an event")
    return ScriptedLibrary(
        tmp_path, listed("gecko", "running"), listed("lynx", "stopped", 301.5), listed("swan"), damaged
    )


async def on_page(monitor: Monitor) -> None:
    await monitor.press("0")
    await monitor.until_shown("lynx")
    await monitor.settle()


def row(monitor: Monitor, name: str) -> str:
    return next(line for line in monitor.panel("#run-table").splitlines() if name in line)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_run_is_listed_with_state_and_elbo(
    open_monitor: OpenMonitor, library: ScriptedLibrary, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library) as monitor:
        await on_page(monitor)
        assert row(monitor, "lynx").strip("│ ").split()[:2] == ["lynx", "stopped"]
        assert "301.5" in row(monitor, "lynx")
        if size[0] >= 80:
            assert "baseline" in row(monitor, "lynx")
            assert "3 h" in row(monitor, "lynx")
            assert "its log be" in row(monitor, "ruin")
        assert "●" not in monitor.panel("#run-table")


async def test_the_run_under_the_cursor_is_looked_into_where_there_is_room(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.press("down")
        await monitor.until(lambda: "ELBO 301.5" in monitor.panel("#preview-about"))
        await monitor.until(lambda: "nats" in monitor.panel("#preview-chart"))
        await monitor.until(lambda: "▀" in monitor.panel("#preview-digits"))
        await monitor.press("end")
        await monitor.until(lambda: "not an event" in monitor.panel("#preview-about"))
        assert not monitor.shows("#preview-chart")
        await monitor.resize(80, 24)
        assert not monitor.shows("#preview")


async def test_nothing_is_read_while_another_page_is_shown(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await monitor.pilot.pause(0.3)
        assert library.lists == 0
        await on_page(monitor)
        await monitor.until(lambda: library.lists > 2)


async def test_a_run_that_comes_leaves_the_cursor_where_it_was(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.press("down")
        library.runs.insert(0, listed("newcomer", "running"))
        await monitor.until_shown("newcomer")
        await monitor.press("r")
        await monitor.until(lambda: ("resume", "/runs/lynx") in library.asked)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_enter_opens_a_run_and_training_goes_on(
    open_monitor: OpenMonitor, library: ScriptedLibrary, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library) as monitor:
        own = monitor.source
        await on_page(monitor)
        await monitor.press("down", "enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        await monitor.until(lambda: at_training(monitor))
        await monitor.until(lambda: "finished" in monitor.panel("#status"))
        assert own.asked == []
        # Its own run is still followed, and asked about when the user leaves.
        await monitor.feed(*run_finished("stopped", state="stopped"))
        assert monitor.app.first_state.status == "stopped"
        assert monitor.app.runs.state.name == "lynx"
        await monitor.until_shown("quiet-otter")
        assert not library.opened["/runs/lynx"].closed
    assert library.opened["/runs/lynx"].closed


async def test_keys_act_on_the_run_that_is_shown_and_leaving_asks_about_the_own(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await on_page(monitor)
        await monitor.press("enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "gecko")
        await monitor.until(lambda: at_training(monitor))
        await monitor.press("space")
        assert library.opened["/runs/gecko"].asked == [("pause", "baseline")]
        assert monitor.source.asked == []
        await monitor.press("q")
        assert isinstance(monitor.app.screen, LeaveScreen)
        await monitor.press("h")
    assert monitor.app.return_value is Leave.HEADLESS


async def test_the_own_run_is_marked_and_can_be_opened_again(
    open_monitor: OpenMonitor, library: ScriptedLibrary, tmp_path: Path
) -> None:
    own = ListedRun(str(tmp_path), "quiet-otter", "running")
    library.runs.append(own)
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        assert "this process" in row(monitor, "quiet-otter")
        assert "▸" in row(monitor, "quiet-otter")
        await monitor.press("enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "gecko")
        await on_page(monitor)
        await monitor.until(lambda: "▸" in row(monitor, "gecko"))
        for key in ("r", "R", "D"):
            monitor.app.clear_notifications()
            await monitor.press("end", key)
            await monitor.until_shown("of this process:")
        await monitor.press("enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "quiet-otter")
        assert library.opened["/runs/gecko"].closed
        assert [asked for asked, *_ in library.asked if asked != "preview"] == ["open"]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_marked_runs_are_compared(
    open_monitor: OpenMonitor, library: ScriptedLibrary, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=library) as monitor:
        await on_page(monitor)
        await monitor.press("m", "down", "space")
        await monitor.until(lambda: [run.name for run in monitor.app.runs.compared] == ["gecko", "lynx"])
        await monitor.until(lambda: "●" in row(monitor, "lynx"))
        if size == (40, 12):
            await monitor.press("tab", "tab")
        await monitor.until(lambda: "compared" in monitor.panel("#comparison"))
        table = [line.split() for line in monitor.panel("#comparison").replace("│", " ").splitlines()]
        assert ["lr", "–", "0.005", "0.004"][: 3 if size[0] == 40 else 4] in table
        assert any(line[:2] == ["deep", "346.0"] for line in table) or size == (40, 12)
        await monitor.press("escape")
        await monitor.until(lambda: monitor.app.runs.compared == ())
        assert all(source.closed for source in library.opened.values())


async def test_a_run_is_marked_and_no_more(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.press("m")
        await monitor.until(lambda: "●" in row(monitor, "gecko"))
        await monitor.press("1")
        await monitor.until_shown("gecko/deep")
        await on_page(monitor)
        await monitor.press("m")
        await monitor.until(lambda: "●" not in row(monitor, "gecko"))
        assert monitor.app.runs.compared == ()


async def test_resuming_opens_the_run(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.press("r")
        await monitor.until_shown("is being trained")
        await monitor.press("down", "r")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        assert ("resume", "/runs/lynx") in library.asked


@pytest.mark.parametrize(
    ("answer", "asked", "left"), [("l", (), True), ("s", (("stop", "/runs/lynx"),), True), ("escape", (), False)]
)
async def test_leaving_asks_about_a_run_that_was_resumed_here_and_still_trains(
    open_monitor: OpenMonitor, library: ScriptedLibrary, answer: str, asked: tuple[tuple[str, ...], ...], left: bool
) -> None:
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("lynx")
        await monitor.press("down", "r")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        await monitor.press("q")
        await monitor.until_shown("lynx is still training")
        await monitor.press(answer)
        if left:
            await monitor.until(lambda: monitor.app.return_value is Leave.DONE)
        else:
            assert monitor.app.return_value is None
    assert tuple(one for one in library.asked if one[0] == "stop") == asked


async def test_leaving_asks_nothing_when_the_run_has_ended(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("lynx")
        await monitor.press("down", "r")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        library.runs = [replace(run, state="finished") for run in library.runs]
        await monitor.press("q")
        await monitor.until(lambda: monitor.app.return_value is Leave.DONE)


@pytest.mark.parametrize("key", ["R", "f2"])
async def test_renaming_checks_the_name_as_it_is_typed(
    open_monitor: OpenMonitor, library: ScriptedLibrary, key: str
) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await on_page(monitor)
        await monitor.press("down", key)
        assert isinstance(monitor.app.screen, RenameScreen)
        await monitor.press("slash", "enter")
        assert "cannot contain path separators" in monitor.text
        assert isinstance(monitor.app.screen, RenameScreen)
        await monitor.press("backspace", *"bobcat", "enter")
        await monitor.until_shown("bobcat")
        assert ("rename", "/runs/lynx", "bobcat") in library.asked


@pytest.mark.parametrize(
    ("key", "answer", "deleted"),
    [("D", "d", True), ("delete", "y", True), ("D", "enter", False), ("D", "escape", False)],
)
async def test_deleting_asks_first(
    open_monitor: OpenMonitor, library: ScriptedLibrary, key: str, answer: str, deleted: bool
) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await on_page(monitor)
        await monitor.press("down", key)
        assert isinstance(monitor.app.screen, DeleteScreen)
        assert "lynx" in monitor.panel("#delete-dialog")
        await monitor.press(answer)
        if deleted:
            await monitor.until(lambda: "lynx" not in monitor.text)
        assert (("delete", "/runs/lynx") in library.asked) == deleted


async def test_a_shown_run_that_is_deleted_gives_way_to_the_first(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.press("down", "enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        await on_page(monitor)
        await monitor.press("D", "d")
        await monitor.until(lambda: monitor.app.runs.state.name == "quiet-otter")
        assert library.opened["/runs/lynx"].closed


async def test_what_is_refused_is_said(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await on_page(monitor)
        library.refuses = "the disk is on fire"
        await monitor.press("down", "D", "d")
        await monitor.until_shown("the disk is on fire")
        assert "lynx" in monitor.panel("#run-table")
        library.unreadable = "runs: cannot be read"
        await monitor.until(lambda: "runs: cannot be read" in monitor.panel("#no-runs"))
        library.unreadable = None
        await monitor.until(lambda: "lynx" in monitor.panel("#runs-body"))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_where_there_are_no_runs_it_says_so(
    open_monitor: OpenMonitor, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with open_monitor(size=size, library=ScriptedLibrary(tmp_path)) as monitor:
        await monitor.press("0")
        await monitor.until_shown("no runs in runs")
        await monitor.press("enter", "D")
        await monitor.until_shown("there is no run")


async def test_opened_with_nothing_it_shows_the_runs_and_leaves_without_a_question(
    open_monitor: OpenMonitor, library: ScriptedLibrary
) -> None:
    async with open_monitor(library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("lynx")
        await monitor.press("1")
        await monitor.until_shown("no run is open")
        assert monitor.shows("#runs")
        await monitor.press("down", "enter")
        await monitor.until(lambda: monitor.app.runs.state.name == "lynx")
        await monitor.press("q")
    assert monitor.app.return_value is Leave.DONE


async def test_a_double_click_opens(open_monitor: OpenMonitor, library: ScriptedLibrary) -> None:
    async with open_monitor(library=library) as monitor:
        await on_page(monitor)
        await monitor.pilot.click("#run-table", offset=(5, 3))
        await monitor.pilot.click("#run-table", offset=(5, 3), times=2)
        await monitor.until(lambda: at_training(monitor))
        assert monitor.app.runs.state.name == "lynx"


async def test_without_any_folder_it_says_so(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("0")
        await monitor.until_shown("no runs directory")


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=str)
async def test_of_thousands_of_runs_those_on_screen_are_read(
    open_monitor: OpenMonitor, tmp_path: Path, size: tuple[int, int]
) -> None:
    library = ScriptedLibrary(tmp_path, *(listed(f"run-{number:05}") for number in range(10_000)))
    async with open_monitor(size=size, library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("run-00000")
        shown = sum("run-" in line for line in monitor.panel("#run-table").splitlines())
        await monitor.until(lambda: library.seen == {f"/runs/run-{number:05}" for number in range(shown)})
        await monitor.press("end")
        await monitor.until_shown("run-09999")
        await monitor.until(lambda: library.seen == {f"/runs/run-{9999 - number:05}" for number in range(shown)})
        await monitor.press("pageup", "r")
        await monitor.until(lambda: ("resume", f"/runs/run-{9999 - shown:05}") in library.asked)


async def test_a_run_that_was_not_read_yet_is_listed_by_name_and_age(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    unread = replace(listed("otter", "unread", None), models=(), epochs=None, dataset=None)
    async with open_monitor(library=ScriptedLibrary(tmp_path, unread), **NOTHING_OPEN) as monitor:
        await monitor.until_shown("otter")
        await monitor.until(lambda: row(monitor, "otter").strip("│ ").split() == ["otter", "…", "3", "h"])


@pytest.mark.parametrize(("key", "done"), [("r", "resume"), ("R", "rename"), ("D", "delete")])
async def test_what_was_listed_some_seconds_ago_refuses_nothing(
    open_monitor: OpenMonitor, library: ScriptedLibrary, key: str, done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_page, "SECONDS_BETWEEN_LISTS", 3600.0)
    async with open_monitor(library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("gecko")
        await monitor.until(lambda: "running" in row(monitor, "gecko") and len(library.seen) == 4)
        library.runs[0] = replace(library.runs[0], state="finished")
        await monitor.press(key)
        if done != "resume":
            await monitor.until(lambda: isinstance(monitor.app.screen, (RenameScreen, DeleteScreen)))
            await monitor.press(*(["d"] if done == "delete" else ["x", "enter"]))
        await monitor.until(lambda: any(asked[:2] == (done, "/runs/gecko") for asked in library.asked))


async def test_deleting_a_run_behind_a_link_says_what_stays(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, replace(listed("otter"), link="/disk/moved"))
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("otter")
        await monitor.press("D")
        assert "the run itself stays in /disk/moved" in monitor.panel("#delete-dialog")
        assert "remove the link" in monitor.panel("#delete-dialog")
        assert "permanently" not in monitor.panel("#delete-dialog")


async def test_the_wheel_shows_other_runs_and_leaves_the_cursor(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path, *(listed(f"run-{number:03}") for number in range(200)))
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("run-000")
        table = monitor.app.query_one("#run-table")
        table.scroll_to(y=100, animate=False)
        await monitor.until_shown("run-100")
        await monitor.until(lambda: "/runs/run-100" in library.seen and "/runs/run-005" not in library.seen)
        await monitor.press("r")
        await monitor.until(lambda: ("resume", "/runs/run-000") in library.asked)


async def test_a_long_name_of_wide_characters_is_cut_between_two_of_them_with_a_sign(
    open_monitor: OpenMonitor, tmp_path: Path
) -> None:
    name = "模型比较" * 16
    library = ScriptedLibrary(tmp_path, listed("short"), listed(name))
    async with open_monitor(size=(80, 24), library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("short")
        assert re.search("模型[模型比较]*…finished", row(monitor, "模型").replace(" ", ""))
        assert row(monitor, "模型").index("finished") < row(monitor, "short").index("finished")  # as wide, in cells
        await monitor.press("down", "D")
        await monitor.until(lambda: isinstance(monitor.app.screen, DeleteScreen))
        assert "…" in monitor.panel("#delete-dialog")
        await monitor.press("escape", "R")
        await monitor.until(lambda: isinstance(monitor.app.screen, RenameScreen))
        assert monitor.panel("#rename-dialog").count("模型") >= 16


async def test_a_key_is_answered_at_once_where_nothing_else_is_drawn(
    open_monitor: OpenMonitor, library: ScriptedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redraw, "IDLE", 3600.0)
    monkeypatch.setattr(redraw, "SECONDS_AWAKE", 60.0)
    async with open_monitor(library=library, **NOTHING_OPEN) as monitor:
        await monitor.until_shown("lynx")
        await monitor.settle()
        await monitor.press("down", "m")
        await monitor.until(lambda: "●" in row(monitor, "lynx"))
