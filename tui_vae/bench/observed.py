"""The program with a watch on its interface: ``python -m tui_vae.bench.observed FILE ARGUMENT…``.

Runs ``tui-vae ARGUMENT…`` and leaves in FILE, as JSON, the seconds by which the interface's event loop was late each
time that it was to wake after a hundredth of a second: what a key waits before anything looks at it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from tui_vae.__main__ import main
from tui_vae.tui import MonitorApp

_INTERVAL = 0.01


def observe(delays: list[float]) -> None:
    """Let every interface that is mounted from now on note its event loop's delays."""
    mount = MonitorApp.on_mount

    async def note() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_INTERVAL)
            delays.append(time.perf_counter() - began - _INTERVAL)

    def on_mount(self: MonitorApp) -> None:
        mount(self)
        self.run_worker(note(), name="delays of the event loop")

    MonitorApp.on_mount = on_mount  # type: ignore[method-assign]


if __name__ == "__main__":
    file, sys.argv[1:] = Path(sys.argv[1]), sys.argv[2:]
    noted: list[float] = []
    observe(noted)
    try:
        main()
    finally:
        file.write_text(json.dumps(noted), encoding="ascii")
