"""Hostile runs: listing or watching one gives a view or one line of error, and has no other effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.hostile_runs import make_runs
from tests.tui.drawn_at_once import DrawnAtOnce
from tests.tui.sparing import spare, tidying
from tui_vae.app import watch_source
from tui_vae.app.watch_source import WatchSource
from tui_vae.run_store import RunDirectory
from tui_vae.tui import MonitorApp
from tui_vae.view.state import RunState

MOST_MEGABYTES = 700

EVERY_COMMAND = """
import contextlib, io, json, sys
from pathlib import Path
from tui_vae.app import watch_source
from tui_vae.cli import app
from tui_vae.app.signals import StopSignals
watch_source.SECONDS_TO_APPEAR = 0.05
watch_source.SECONDS_BETWEEN_LOOKS = 0.02
folder, pages = sys.argv[1:]
results = []
def run(*arguments):
    sys.argv = ["tui-vae", *arguments]
    sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    try:
        code = app.run(StopSignals())
    except SystemExit as leaving:
        code = leaving.code
    sys.stdout.flush(), sys.stderr.flush()
    out, err = sys.stdout.buffer.getvalue(), sys.stderr.buffer.getvalue()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    results.append([arguments, code, out.decode("latin-1"), err.decode("latin-1")])
run("runs", "--runs-dir", folder)
run("runs", "--runs-dir", folder, "--json")
for path in sorted(Path(folder).iterdir()):
    for how in ("--no-ui", "--json"):
        run("watch", str(path), how)
    run("runs", str(path), "--delete")
    run("report", str(path), "-o", f"{pages}/{len(results)}.html")
run("watch", "--runs-dir", folder, "no such \\x1b[2J")
# Not getrusage: there a process begins with the peak of the one that started it.
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(json.dumps({"results": results, "kilobytes": int(peak)}))
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    return tmp_path / "outside"


@pytest.fixture
def runs(tmp_path: Path, outside: Path) -> list[Path]:
    return make_runs(tmp_path / "runs", outside)


def everything_below(*folders: Path) -> dict[str, tuple[int, int]]:
    found = (path for folder in folders for path in folder.rglob("*"))
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found}


def test_every_text_command_survives_every_hostile_run(runs: list[Path], outside: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    before = everything_below(runs[0].parent, outside)
    done = subprocess.run(
        [sys.executable, "-c", EVERY_COMMAND, str(runs[0].parent), str(pages)],
        capture_output=True,
        encoding="utf-8",
        timeout=150,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm-256color"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["results"]) == 3 + 4 * len(runs)
    for arguments, code, out, err in report["results"]:
        assert code in (0, 1, 2, 4), (arguments, err)
        assert "internal error" not in err, (arguments, err)
        assert "Traceback" not in out + err
        for printed in (out, err):
            assert not [c for c in printed if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0x80], arguments
            assert "\u202e".encode().decode("latin-1") not in printed
            assert "\xc2\x9b" not in printed
            assert "SECRET" not in printed
    listed = report["results"][0][2].encode("latin-1").decode()
    assert max(map(len, listed.splitlines())) <= 100
    for name in ("escapes", "numbers", "deep", "gigabyte", "links", "pipes", "folders", "killed", "damaged"):
        assert name in listed
    assert report["kilobytes"] < MOST_MEGABYTES * 1024
    assert everything_below(runs[0].parent, outside) == before
    written = [page.read_text(encoding="utf-8") for page in pages.iterdir()]
    assert len(written) == len(runs)
    for page in written:
        assert not [c for c in page if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]
        assert "SECRET" not in page


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watch_source, "SECONDS_TO_APPEAR", 0.05)
    monkeypatch.setattr(watch_source, "SECONDS_BETWEEN_LOOKS", 0.02)
    spare(monkeypatch)
    yield from tidying()


async def test_the_interface_shows_something_of_every_hostile_run(runs: list[Path], quick: None, outside: Path) -> None:
    before = everything_below(runs[0].parent, outside)
    for path in runs:
        shown = await pages_of(path)
        assert not [c for c in shown if not c.isprintable() and c != "\n"], path.name
        assert "SECRET" not in shown
    assert everything_below(runs[0].parent, outside) == before


async def pages_of(path: Path) -> str:
    """What stands on the pages of the interface once it has read the run."""
    source = WatchSource(RunDirectory(path, "run"), control=True)
    app: Any = MonitorApp(lambda report: source, state=RunState(name="run"), drawer=DrawnAtOnce(), fps=30)
    source.start()
    shown = ""
    async with app.run_test(size=(80, 24)) as pilot:
        while not source.wait(0) or app.runs.source is None:
            await pilot.pause(0.02)
        for key in ("2", "3", "5", "1"):
            await pilot.press(key)
            await pilot.pause()
            shown += "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        app.exit()
    source.close()
    return shown
