"""Only what has changed is drawn again: rows of a panel, and what its frame says."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_run import progress
from tui_vae.tui.widgets.chart import Chart
from tui_vae.tui.widgets.scroll_view import Caption, StripWidget, merged, runs


def rows(*texts: str, style: Style | None = None) -> list[Strip]:
    return [Strip([Segment(text, style)]) for text in texts]


def test_rows_that_come_again_are_the_same_objects() -> None:
    before = rows("one", "two", "three")
    after = rows("one", "2", "three")
    result, changed = merged(before, after)
    assert changed == [1]
    assert result[0] is before[0]
    assert result[1] is after[1]
    assert result[2] is before[2]


@pytest.mark.parametrize(
    ("places", "together"), [([], []), ([3], [(3, 3)]), ([0, 1, 2, 5, 7, 8], [(0, 2), (5, 5), (7, 8)])], ids=str
)
def test_neighbouring_rows_are_drawn_together(places: list[int], together: list[tuple[int, int]]) -> None:
    assert runs(places) == together


def test_another_style_is_another_row() -> None:
    _, changed = merged(rows("one"), rows("one", style=Style(bold=True)))
    assert changed == [0]


@pytest.mark.parametrize(("before", "after"), [(("a",), ("a", "b", "c")), (("a", "b", "c"), ("a",))])
def test_rows_that_come_and_go_are_changed(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    result, changed = merged(rows(*before), rows(*after))
    assert [strip.text for strip in result] == list(after)
    assert changed == [1, 2]


class Panels(App[None]):
    CSS = "StripWidget { border: round white; }"

    def compose(self) -> ComposeResult:
        yield StripWidget(id="drawing")


@pytest.fixture
def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    """The regions of every refresh of a drawing; an empty tuple is all of it."""
    regions: list[tuple[Region, ...]] = []
    refresh = Widget.refresh

    def noted(self: Widget, *given: Region, **options: bool) -> Widget:
        if isinstance(self, StripWidget):
            regions.append(given)
        return refresh(self, *given, **options)

    monkeypatch.setattr(Widget, "refresh", noted)
    return regions


async def test_a_drawing_draws_what_has_changed_and_shows_all(refreshed: list[tuple[Region, ...]]) -> None:
    async with Panels().run_test(size=(20, 6)) as pilot:
        drawing = pilot.app.query_one(StripWidget)
        drawing.lay(rows("one", "two", "three"))
        await pilot.pause()
        refreshed.clear()
        drawing.lay(rows("one", "2", "three"))
        assert [{region.y for region in regions} for regions in refreshed] == [{1}]
        drawing.lay(rows("one", "2", "three"))
        assert len(refreshed) == 1
        await pilot.pause()
        shown = [strip.text.strip("│ ") for strip in pilot.app.screen._compositor.render_strips()]
        assert shown[1:4] == ["one", "2", "three"]


async def test_a_frame_that_says_the_same_draws_nothing(refreshed: list[tuple[Region, ...]]) -> None:
    async with Panels().run_test() as pilot:
        drawing = pilot.app.query_one(StripWidget)
        drawing.caption.say("title", Text("below"))
        refreshed.clear()
        drawing.caption.say("title", Text("below"))
        assert refreshed == []
        drawing.caption.say("title", "")
        assert len(refreshed) == 1
        assert drawing.border_subtitle is None


async def test_a_frame_says_what_it_is_told_and_no_markup() -> None:
    async with Panels().run_test(size=(40, 5)) as pilot:
        Caption(pilot.app.query_one(StripWidget)).say("[red]name[/]", "a [b] c")
        await pilot.pause()
        lines = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert "[red]name[/]" in lines[0]
        assert "a [b] c" in lines[-1]


async def test_a_page_that_is_turned_to_again_builds_no_chart(
    open_monitor: OpenMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_monitor(size=(140, 45)) as monitor:
        await monitor.press("2")
        built: list[Chart] = []
        build = Chart._build
        monkeypatch.setattr(Chart, "_build", lambda self: (built.append(self), build(self)))
        await monitor.press("1", "2", "1")
        assert built == []
        await monitor.press("2")
        await monitor.feed(progress("deep", 601))
        await monitor.press("1")
        assert len(built) == len(set(built)) > 1


async def test_keys_are_answered_with_priority_until_they_are(open_monitor: OpenMonitor) -> None:
    told: list[bool] = []
    async with open_monitor(answers=told.append) as monitor:
        told.clear()
        await monitor.press("2")
        await monitor.until(lambda: told[-1:] == [False])
        assert told[0] is True
        told.clear()
        await monitor.pilot.mouse_down("#models")
        await monitor.until(lambda: told[-1:] == [False])
        assert told[0] is True
