"""The program with a watch on its interface: ``python -m tui_vae.bench.latency_probe FILE ARGUMENT…``.

Runs ``tui-vae ARGUMENT…`` and leaves in FILE, as JSON, the seconds by which the interface's event loop was late each
time that it was to wake after a hundredth of a second: what a key waits before anything looks at it.
"""

from __future__ import annotations

import asyncio
import time
from unittest.mock import patch

from tui_vae.bench.noting import run_and_note
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

    patch.object(MonitorApp, "on_mount", on_mount).start()


if __name__ == "__main__":
    noted: list[float] = []
    observe(noted)
    run_and_note(lambda: noted)
