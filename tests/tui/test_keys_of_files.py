"""Saving a picture, and writing the run for other tools."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tests.tui.scripted_library import ScriptedLibrary


def told(monitor: Monitor) -> str:
    """What pops up, before it is folded into its place."""
    return "\n".join(notification.message for notification in monitor.app._notifications)


async def test_s_saves_the_screen_as_svg_beside_the_run(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("s")
        (picture,) = tmp_path.glob("screen-*.svg")
        await monitor.until(lambda: picture.name in told(monitor))
    root = ET.parse(picture).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(root.itertext()).replace("\xa0", " ")
    for shown in ("quiet-otter", "baseline", "deep", "held out"):
        assert shown in text


@pytest.mark.parametrize(
    ("keys", "form"), [(["c"], "csv"), (["p"], "parquet"), (["t"], "tensorboard"), (["down", "enter"], "parquet")]
)
async def test_w_asks_for_a_format_and_exports_the_run_that_is_shown(
    open_monitor: OpenMonitor, tmp_path: Path, keys: list[str], form: str
) -> None:
    library = ScriptedLibrary(tmp_path)
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("w")
        assert "as Parquet" in monitor.text
        await monitor.press(*keys)
        assert "as Parquet" not in monitor.text
        await monitor.until(lambda: f"{tmp_path}/otter-{form}" in told(monitor))
    assert library.asked == [("export", str(tmp_path), form, str(tmp_path))]


async def test_nothing_is_exported_without_a_format(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path)
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("w", "w", "escape")
        assert "as Parquet" not in monitor.text
    assert library.asked == []


async def test_why_an_export_failed_is_told_in_a_line(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path)
    library.refuses = "--to parquet needs pyarrow; install it with: pip install 'tui-vae[export]'"
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("w", "p")
        await monitor.until(lambda: library.refuses in told(monitor))


async def test_a_picture_that_cannot_be_written_is_told_in_a_line(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        monitor.source._directory = tmp_path / "gone"
        await monitor.press("s")
        await monitor.until(lambda: "No such file or directory" in told(monitor))


async def test_r_writes_the_report_of_the_run_and_says_where_it_is(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    library = ScriptedLibrary(tmp_path)
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("R")
        await monitor.until(lambda: "file://" in told(monitor))
        ((asked, key, page),) = [call for call in library.asked if call[0] == "report"]
        assert (asked, key) == ("report", str(tmp_path))
        assert Path(page).parent == tmp_path
        assert Path(page).match("report-*.html")
        url = Path(page).as_uri()
        assert f'[link="{url}"]{url}[/link]' in told(monitor)
        await monitor.until_shown("report written")
        links = {segment.style.link for strip in monitor.strips for segment in strip if segment.style is not None}
        assert url in links


async def test_a_report_that_cannot_be_written_is_told_and_may_be_tried_again(
    open_monitor: OpenMonitor, tmp_path: Path
) -> None:
    library = ScriptedLibrary(tmp_path)
    library.refuses = "[no] room"
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("R")
        await monitor.until(lambda: "[no] room" in told(monitor))
        await monitor.press("R")
        await monitor.until(lambda: [call[0] for call in library.asked].count("report") == 2)


async def test_one_report_is_written_at_a_time(
    open_monitor: OpenMonitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ScriptedLibrary(tmp_path)
    may_end = threading.Event()
    monkeypatch.setattr(
        library, "report", lambda key, page: (library.asked.append(("report", key, page)), may_end.wait())
    )
    async with open_monitor(size=(80, 24), library=library) as monitor:
        await monitor.press("R")
        await monitor.press("R")
        await monitor.until(lambda: "the report is being written" in told(monitor))
        assert [call[0] for call in library.asked].count("report") == 1
        may_end.set()
        await monitor.until(lambda: "file://" in told(monitor))
