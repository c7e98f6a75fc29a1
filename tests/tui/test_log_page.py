"""The log page: levels, search, following the end, and a traceback that can be read."""

from __future__ import annotations

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.recorded_run import recorded_run
from tui_vae.events import Event, Notice, State
from tui_vae.tui.pages.log import LogView, folded, painted, rows_of
from tui_vae.view.log_lines import LogLine

TRACEBACK = "\n".join(
    [
        "Traceback (most recent call last):",
        *(f'  File "tui_vae/somewhere_{n}.py", line {n}, in function_number_{n}' for n in range(30)),
        "RuntimeError: [b]the shapes[/b] do not fit: 128 by 784 and 32 by 64, a long sentence to be read in full",
    ]
)
FAILURE: list[Event] = [
    Notice(level="error", text=TRACEBACK, model="deep"),
    State(model="deep", state="failed", reason="RuntimeError: the shapes do not fit"),
]


def log(monitor: Monitor) -> str:
    """The rows of the log, its frame taken away."""
    return "\n".join(row.strip("│▁▂▃▄▅▆▇█ ") for row in monitor.panel("#log").splitlines()[1:-1])


def frame(monitor: Monitor) -> str:
    rows = monitor.panel("#log").splitlines()
    return rows[0] + rows[-1]


def notices(count: int, word: str = "note") -> list[Event]:
    return [Notice(level="info", text=f"{word} {number}") for number in range(count)]


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (140, 45)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_traceback_is_there_in_full(open_monitor: OpenMonitor, size: tuple[int, int]) -> None:
    async with open_monitor(size=size) as monitor:
        await monitor.feed(*FAILURE)
        await monitor.press("5")
        seen = log(monitor)
        assert "failed: RuntimeError: the shapes do" in " ".join(seen.split())
        for _ in range(20):
            await monitor.press("pageup")
            seen = f"{log(monitor)}\n{seen}"
        whole = "".join(seen.split())
        for line in TRACEBACK.splitlines():
            assert "".join(line.split()) in whole
        assert {strip.cell_length for strip in monitor.strips} == {size[0]}


def test_only_the_first_and_the_last_line_of_a_traceback_are_coloured() -> None:
    line = LogLine(0.0, "error", "deep", TRACEBACK)
    rows = rows_of(line, 60)
    painted_rows = [painted(line, rows, at, 60, "", "") for at in range(len(rows))]
    coloured = ["red" in str(row.spans[-1].style) if row.spans else False for row in painted_rows]
    last = next(at for at, (row, _) in enumerate(rows) if row.startswith("RuntimeError"))
    assert len(rows) - last > 1
    assert coloured == [at == 0 or at >= last for at in range(len(rows))]


async def test_the_line_above_the_page_says_where_the_reason_is(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.feed(*FAILURE)
        await monitor.until(lambda: "deep failed: RuntimeError" in monitor.panel("#alert"))
        assert monitor.panel("#alert").rstrip().endswith("5 shows why")


async def test_v_shows_warnings_and_errors_then_errors_then_all(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.feed(Notice(level="warning", text="a warning"), Notice(level="error", text="an error"))
        await monitor.press("5")
        assert "held-out ELBO" in log(monitor)
        await monitor.press("v")
        assert "log · warnings and errors" in frame(monitor)
        assert [row.split("  ")[-1] for row in log(monitor).split("\n") if row] == ["a warning", "an error"]
        await monitor.press("v")
        assert "a warning" not in log(monitor)
        assert "an error" in log(monitor)
        await monitor.press("v")
        assert "held-out ELBO" in log(monitor)


async def test_a_level_without_lines_says_so(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("5", "v")
        assert "no warnings and errors: press v for other levels" in log(monitor)
    async with open_monitor([], size=(80, 24)) as monitor:
        await monitor.press("5")
        assert "the log is empty" in log(monitor)


async def test_it_follows_the_end_until_one_scrolls_away_and_end_follows_again(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), *notices(100)], size=(80, 24)) as monitor:
        await monitor.press("5")
        assert "note 99" in log(monitor)
        assert "following" in frame(monitor)
        await monitor.feed(Notice(level="info", text="the newest"))
        await monitor.until(lambda: "the newest" in log(monitor))
        await monitor.press("up", "up")
        assert "end follows" in frame(monitor)
        before = log(monitor)
        await monitor.feed(*notices(20, "later"))
        assert log(monitor) == before
        await monitor.press("end")
        await monitor.until(lambda: "later 19" in log(monitor))
        assert "following" in frame(monitor)
        await monitor.feed(Notice(level="info", text="once more"))
        await monitor.until(lambda: "once more" in log(monitor))


async def test_what_is_looked_at_stays_when_the_terminal_changes(open_monitor: OpenMonitor) -> None:
    async with open_monitor([*recorded_run(), *notices(100)], size=(80, 24)) as monitor:
        await monitor.press("5")
        await monitor.press("home")
        first = log(monitor).split("\n")[0]
        await monitor.resize(60, 24)
        await monitor.settle()
        assert log(monitor).split("\n")[0][:30] == first[:30]
        assert "end follows" in frame(monitor)


async def test_search_marks_goes_there_and_n_goes_on(open_monitor: OpenMonitor) -> None:
    events = [
        *notices(40),
        Notice(level="info", text="A Needle here"),
        *notices(40),
        *notices(1, "needle"),
        *notices(40),
    ]
    async with open_monitor([*recorded_run(), *events], size=(80, 24)) as monitor:
        await monitor.press("5", "slash", *"needle")
        await monitor.until(lambda: "needle 0" in log(monitor))
        assert "2 of 2 found" in frame(monitor)
        await monitor.press("enter", "n")
        assert "1 of 2 found" in frame(monitor)
        assert "A Needle here" in log(monitor)
        await monitor.press("N")
        assert "2 of 2 found" in frame(monitor)
        view = monitor.app.query_one(LogView)
        marked = [
            text
            for strip in (view.render_line(y) for y in range(view.size.height))
            for text, style, _ in strip
            if style is not None and style.reverse
        ]
        assert marked == ["needle"]
        await monitor.press("escape")
        assert "found" not in frame(monitor)
        assert monitor.focused == "log"


async def test_what_is_found_nowhere_says_so_and_keys_are_typed(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("5", "slash", *"qpn5")
        assert "not found" in frame(monitor)
        assert monitor.source.asked == []
        await monitor.press("enter", "n")
        await monitor.until_shown("no match")
        await monitor.press("escape", "n")
        await monitor.until_shown("no search text")


async def test_from_the_palette_search_turns_to_the_log(open_monitor: OpenMonitor) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("ctrl+p", *"search")
        await monitor.until_shown("Log: search")
        await monitor.press("enter")
        await monitor.until(lambda: monitor.focused == "log-search")
        await monitor.press(*"run")
        await monitor.until(lambda: "found" in frame(monitor))


@pytest.mark.parametrize(
    ("text", "first", "width", "rows"),
    [
        ("short", 10, 10, ["short"]),
        ("", 10, 10, [""]),
        ("one two three", 7, 5, ["one two", "three"]),
        ("abcdefghij", 4, 4, ["abcd", "efgh", "ij"]),
        ("    indented far", 10, 10, ["    indented"[:10], "ed far"]),
        ("模型模型 x", 5, 4, ["模型", "模型", "x"]),
    ],
)
def test_rows_are_folded_at_spaces_where_there_are_any(text: str, first: int, width: int, rows: list[str]) -> None:
    assert list(folded(text, first, width)) == rows
