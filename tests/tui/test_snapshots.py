"""Every page as it looks, of a recorded run at a recorded time; to be read by eye when it changes.

``python -m pytest tests/tui/test_snapshots.py --update-snapshots`` writes the pictures anew: then see what git says
of them. They are text rather than SVG, for a person can read them, git can show what changed, and no version of the
library that draws SVG, nor a number in its names, makes them differ.
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tui import recorded_evaluation, recorded_run, scripted_library
from tests.tui.app_driver import OpenMonitor
from tests.tui.recorded_machine import RecordedMachine
from tests.tui.scripted_library import ScriptedLibrary, listed
from tests.tui.snapshots import screen_as_text
from tui_vae.tui.pages.runs import page as runs_page

FOLDER = Path(__file__).parent / "snapshots"
START = 1_700_000_000.0
PAGES = {
    "runs": ("0",),
    "setup": ("0", "n"),
    "training": ("1",),
    "digits": ("2",),
    "latents": ("3",),
    "explorer": ("z", "right", "right", "right"),
    "evaluation": ("4",),
    "log": ("5",),
    "machine": ("6",),
}
SIZES = ((80, 24), (140, 45))
CASES = [
    *((f"{page}-{width}x{height}", keys, (width, height)) for page, keys in PAGES.items() for width, height in SIZES),
    ("help-80x24", ("question_mark",), (80, 24)),
    ("light-80x24", ("1", "t"), (80, 24)),
]


@pytest.fixture
def at_a_recorded_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The run began at a moment that is always the same, and it is a while later, in London."""
    for module in (recorded_run, recorded_evaluation, scripted_library):
        monkeypatch.setattr(module, "START", START)
    monkeypatch.setattr(time, "time", lambda: START + 100)
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("at_a_recorded_time")
@pytest.mark.parametrize(("name", "keys", "size"), CASES, ids=[name for name, *_ in CASES])
async def test_the_page_looks_as_it_did(
    open_monitor: OpenMonitor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    name: str,
    keys: tuple[str, ...],
    size: tuple[int, int],
) -> None:
    monkeypatch.setattr(runs_page, "SECONDS_TO_REST", 0.0)
    names = recorded_run.NAMES
    stored = [recorded_run.checkpoint(model, 6) for model in names]
    events = [*recorded_run.recorded_run(), *stored, *recorded_evaluation.evaluated_run()]
    library = ScriptedLibrary(tmp_path, listed("gecko", "running"), listed("lynx", "stopped", 301.5), listed("swan"))
    async with open_monitor(events, size=size, library=library, machine=RecordedMachine(gpus=1)) as monitor:
        for key in keys:  # one may begin what the next is for
            await monitor.press(key)
            await monitor.settle()
        monitor.app.clear_notifications()
        for field in monitor.app.screen.query(Input):
            field.cursor_blink = False
        await monitor.settle()
        seen = screen_as_text(monitor.strips)
    file = FOLDER / f"{name}.txt"
    if request.config.getoption("--update-snapshots"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    if seen != before:
        change = difflib.unified_diff(before.splitlines(), seen.splitlines(), "as it was", "as it is", lineterm="", n=0)
        pytest.fail("\n".join([f"{file.name} looks otherwise; --update-snapshots if that is meant", *change]))
