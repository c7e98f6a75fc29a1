"""Makes the pictures of the README from the program itself: ``python docs/pictures.py [FOLDER]``.

Trains the default models in the interface, without a terminal, and takes pictures of every page at both sizes. SVG
files are always written; PNG files as well where Chromium is there to draw them, since it finds a font for every
character.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}

from tui_vae.cli.preparation import prepare
from tui_vae.cli.session import Session
from tui_vae.config import StoreConfig, TrainConfig
from tui_vae.tui import MonitorApp
from tui_vae.view.state import ModelState, RunState

PAGES = {"training": "1", "digits": "2", "latents": "3", "log": "5"}
PAGES_OF_THE_END = {"evaluation": "4"}
SIZES = ((140, 45), (80, 24))
EPOCH = 7
"""The pictures are of a run in the middle: when the deep model has finished this epoch. The evaluation
is that of its end."""


async def take_pictures(folder: Path) -> None:
    config = TrainConfig()
    with tempfile.TemporaryDirectory() as runs:

        def open_source(report: Callable[[str], None]) -> Session:
            return prepare(config, report).start(StoreConfig(runs_dir=runs, name="quiet-otter"))

        known = RunState(config=config.to_json(), models={spec.name: ModelState(spec.name) for spec in config.models})
        app = MonitorApp(open_source, state=known)
        async with app.run_test(size=SIZES[0]) as pilot:

            async def show(pages: dict[str, str]) -> None:
                for size in SIZES:
                    await pilot.resize_terminal(*size)
                    for page, key in pages.items():
                        await pilot.press(key)
                        await asyncio.sleep(2.5)
                        path = folder / f"{page}-{size[0]}x{size[1]}.svg"
                        svg = app.export_screenshot().replace("Fira Code", "DejaVu Sans Mono")
                        path.write_text(svg, encoding="utf-8")

            while len(app.run_state.models["deep"].held_out) < EPOCH:
                await asyncio.sleep(0.5)
            await show(PAGES)
            while app.run_state.evaluated is None:
                await asyncio.sleep(0.5)
            await show(PAGES_OF_THE_END)


def draw(svg: Path, chromium: str) -> None:
    """The PNG of an SVG, beside it."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
    assert box is not None
    size = ",".join(str(int(float(side))) for side in box.groups())
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options += [f"--user-data-dir={profile}", f"--window-size={size}", f"--screenshot={svg.with_suffix('.png')}"]
        subprocess.run([chromium, *options, svg.resolve().as_uri()], check=True, capture_output=True)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    asyncio.run(take_pictures(folder))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    for svg in sorted(folder.glob("*.svg")):
        if chromium is not None:
            draw(svg, chromium)
            svg.unlink()


if __name__ == "__main__":
    main()
