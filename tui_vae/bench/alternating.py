"""The program, its interface silent every other moment: ``python -m tui_vae.bench.alternating FILE ARGUMENT…``.

Runs ``tui-vae ARGUMENT…`` and leaves in FILE, as JSON, the moments in which the interface drew and those in which it
did nothing, as it does before a terminal that does not read. What differs between them is what drawing costs: nothing
else changes in a process, while two processes that follow each other differ more by what else the machine does.
"""

from __future__ import annotations

import threading
import time
from unittest.mock import patch

from tui_vae.bench.noting import run_and_note
from tui_vae.bench.share import SECONDS_A_MOMENT, Moment
from tui_vae.cli.stray import StrayOutput


class Alternation(threading.Thread):
    """Has every interface of this process draw and be silent in turn, from its start on."""

    def __init__(self, seconds: float = SECONDS_A_MOMENT) -> None:
        super().__init__(name="alternation", daemon=True)
        self.moments: list[Moment] = []
        self._seconds = seconds
        self._silent = False
        does_not_read = StrayOutput.stalled

        def stalled(stray: StrayOutput) -> bool:
            return self._silent or does_not_read(stray)

        patch.object(StrayOutput, "stalled", stalled).start()

    def run(self) -> None:
        interface = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
        while True:
            # Drawn, silent, silent, drawn: a drift of the machine's speed favours neither.
            self._silent = len(self.moments) % 4 in {1, 2}
            began, spent = time.time(), time.clock_gettime(interface)
            time.sleep(self._seconds)
            used = time.clock_gettime(interface) - spent
            self.moments.append(Moment(not self._silent, began, time.time(), used))


if __name__ == "__main__":
    alternation = Alternation()
    alternation.start()
    run_and_note(lambda: list(map(vars, alternation.moments)))
