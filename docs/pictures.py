"""Make the pictures of the documentation: ``python docs/pictures.py [FOLDER]``, by default ``docs/pictures``.

Trains the default models in the interface without a terminal, next to some finished runs, and takes pictures of its
pages as SVG, and makes a report of the run. Where Chromium is installed, which finds a font for every character, they
become PNG files of 256 colours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
os.environ.pop("NO_COLOR", None)

from PIL import Image
from textual.pilot import Pilot

from tui_vae.app.report import ReportTargets, make_report
from tui_vae.app.run_library import Library
from tui_vae.app.run_setup import prepare
from tui_vae.app.session import Session
from tui_vae.charts.drawer import Drawer
from tui_vae.config import ModelSpec, StoreConfig, TrainConfig
from tui_vae.machine.sampler import Sampler
from tui_vae.run_store.find import find_run
from tui_vae.tui import Leave, MonitorApp
from tui_vae.tui.themes import MONITOR_THEMES
from tui_vae.view.state import ModelState, RunState


@dataclass(frozen=True)
class Shot:
    """A picture: the keys that lead to it from any page, those that lead back, and whether the terminal is small."""

    name: str
    keys: Sequence[str]
    back: Sequence[str] = ()
    small: bool = False


LARGE, SMALL = (140, 45), (80, 24)
EPOCHS, EPOCH = 20, 6
"""The first pictures are taken when the deep model has finished EPOCH epochs of EPOCHS."""
WHILE_TRAINING = (
    Shot("training", ["1"]),
    Shot(
        "inspection",
        ["1", "tab", "enter", "plus", "plus", "right_square_bracket", *["left"] * 9],
        ["backspace", "escape", "escape", "escape", "minus", "minus"],
    ),
    Shot("digits", ["2"]),
    Shot("machine", ["6"]),
    Shot("training-small", ["1"], small=True),
    Shot("chains-small", ["2", "v", "v", "v"], ["v", "v"], small=True),
)
AFTERWARDS = (
    Shot("latents", ["3"]),
    Shot("explorer", ["z", *["right"] * 6, "b", *["up"] * 4], ["b", "r"]),
    Shot("evaluation", ["4"]),
    Shot("runs", ["0", "down"]),
    Shot("setup", ["0", "n"], ["escape"]),
    Shot("heat-map-small", ["3", "v"], ["v"], small=True),
    Shot("log-small", ["5"], small=True),
)
LIGHT = Shot("light-small", ["1"], small=True)
OTHERS = {
    "early-heron": TrainConfig(epochs=3, train_size=10_000, no_evaluate=True),
    "wide-lynx": TrainConfig(
        models=(ModelSpec("wide", (1024,)), ModelSpec("deep", (512, 256))),
        zdim=16,
        epochs=2,
        train_size=10_000,
        no_evaluate=True,
    ),
}
"""Runs that are stored before."""
SECONDS_TO_SETTLE = 4.0


class Camera:
    """Takes pictures of an interface.

    Args:
        app: The interface.
        pilot: Presses its keys and sets its size.
        folder: Where pictures are written.
    """

    def __init__(self, app: MonitorApp, pilot: Pilot[Leave], folder: Path) -> None:
        self._app = app
        self._pilot = pilot
        self._folder = folder

    async def take(self, shots: Sequence[Shot]) -> None:
        for shot in shots:
            await self._pilot.resize_terminal(*(SMALL if shot.small else LARGE))
            await self._pilot.press(*shot.keys)
            self._app.clear_notifications()
            (self._folder / f"{shot.name}.svg").write_text(await self._settled(), encoding="utf-8")
            await self._pilot.press(*shot.back)

    async def _settled(self) -> str:
        """Return the screen once it no longer changes, or after some seconds."""
        seen, now = "", self._picture()
        waited = 0.0
        while waited < SECONDS_TO_SETTLE and (now != seen or waited < 1.0):
            await asyncio.sleep(0.5)
            waited += 0.5
            seen, now = now, self._picture()
        return now

    def _picture(self) -> str:
        # Every export numbers its names differently.
        svg = self._app.export_screenshot().replace("Fira Code", "DejaVu Sans Mono")
        return re.sub(r"terminal-\d+", "terminal", svg)

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await asyncio.sleep(0.2)


def train_others(runs: str) -> None:
    for name, config in OTHERS.items():
        session = prepare(config, lambda doing: None).start(StoreConfig(runs_dir=runs, name=name))
        session.wait_detached()
        session.close()


async def take_pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    config = TrainConfig(epochs=EPOCHS)
    runs = StoreConfig().runs_dir
    with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
        train_others(runs)

        def open_source(report: Callable[[str], None]) -> Session:
            return prepare(config, report).start(StoreConfig(runs_dir=runs, name="quiet-otter"))

        known = RunState(config=config.to_json(), models={spec.name: ModelState(spec.name) for spec in config.models})
        app = MonitorApp(open_source, state=known, drawer=Drawer(), machine=Sampler(), library=Library(Path(runs)))
        async with app.run_test(size=LARGE) as pilot:
            camera = Camera(app, pilot, folder)
            await camera.until(lambda: len(app.runs.state.models["deep"].held_out) >= EPOCH)
            await camera.take(WHILE_TRAINING)
            await camera.until(lambda: app.runs.state.status is not None)
            await camera.take(AFTERWARDS)
            app.theme_switcher.switch(next(name for name, look in MONITOR_THEMES.items() if not look.theme.dark))
            await camera.take([LIGHT])
        make_report([find_run(Path(runs), "quiet-otter")], ReportTargets(folder / "report.html", force=True))


def draw_page(page: Path, chromium: str) -> None:
    """Replace a page by a picture of its beginning."""
    _photograph(page, chromium, "1280,1500")


def draw(svg: Path, chromium: str) -> None:
    """Replace an SVG file by a PNG file of 256 colours."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
    assert box is not None
    _photograph(svg, chromium, ",".join(str(int(float(side))) for side in box.groups()))


def _photograph(file: Path, chromium: str, size: str) -> None:
    """Replace a file by a picture of what a browser shows of it in a window of ``size``."""
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options += [f"--user-data-dir={profile}", f"--window-size={size}", f"--screenshot={file.with_suffix('.png')}"]
        subprocess.run([chromium, *options, file.resolve().as_uri()], check=True, capture_output=True)
    with Image.open(file.with_suffix(".png")) as picture:
        reduced = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    reduced.save(file.with_suffix(".png"), optimize=True)
    file.unlink()


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
    asyncio.run(take_pictures(folder))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return
    for svg in sorted(folder.glob("*.svg")):
        draw(svg, chromium)
    draw_page(folder / "report.html", chromium)


if __name__ == "__main__":
    main()
