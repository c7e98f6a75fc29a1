"""Saving a picture and writing the curves."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.tui.app_driver import Monitor, OpenMonitor
from tui_vae.view.series import Point


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


async def test_w_writes_every_point_of_every_model_as_csv(open_monitor: OpenMonitor, tmp_path: Path) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        await monitor.press("w")
        (file,) = tmp_path.glob("curves-*.csv")
        await monitor.until(lambda: file.name in told(monitor))
        models = monitor.app.runs.state.models
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["model", *Point._fields]
    for name, model in models.items():
        of_model = [row for row in rows if row["model"] == name]
        assert len(of_model) == len(model.progress) == 300
        for column in Point._fields:
            assert [float(row[column]) for row in of_model] == model.progress.column(column).tolist()
    assert len(rows) == 600


@pytest.mark.parametrize("key", ["s", "w"])
async def test_a_file_that_cannot_be_written_is_told_in_a_line(
    open_monitor: OpenMonitor, tmp_path: Path, key: str
) -> None:
    async with open_monitor(size=(80, 24)) as monitor:
        monitor.source._directory = tmp_path / "gone"
        await monitor.press(key)
        await monitor.until(lambda: "No such file or directory" in told(monitor))
