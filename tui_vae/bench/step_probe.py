"""The program with a watch on its steps: ``python -m tui_vae.bench.step_probe FILE ARGUMENT…``.

Runs ``tui-vae ARGUMENT…`` and leaves in FILE, as JSON, of every group of steps that a trainer took at once when it
began, how long it took, and for how long the interface's thread computed meanwhile.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from unittest.mock import patch

from tui_vae.bench.beside import Group
from tui_vae.bench.noting import run_and_note
from tui_vae.training.step_batch import StepGroup


def observe(groups: list[Group]) -> None:
    """Let every group of steps from now on be noted; called by the thread that will be the interface's."""
    interface = time.pthread_getcpuclockid(threading.get_ident())
    take = StepGroup.take

    def noted(self: StepGroup, *args: Any, **kwargs: Any) -> None:
        spent, began = time.clock_gettime(interface), time.perf_counter()
        take(self, *args, **kwargs)
        seconds = time.perf_counter() - began
        groups.append(Group(began, seconds, time.clock_gettime(interface) - spent))

    patch.object(StepGroup, "take", noted).start()


if __name__ == "__main__":
    noted: list[Group] = []
    observe(noted)
    run_and_note(lambda: list(map(vars, noted)))
