"""A process that draws the charts it is sent, with 4 GB of memory and nobody to hear what it prints.

Charts come pickled through its standard input; for each it writes through the descriptor that it was given how many
rows were drawn and how wide they were.
"""

from __future__ import annotations

import os
import pickle
import resource
import selectors
import subprocess
import sys
from pathlib import Path

from tui_vae.charts.description import CurveChart
from tui_vae.charts.drawing import draw

MEMORY = 4 << 30
PATIENCE = 120.0
"""Seconds after which a chart is taken for endless."""


class DrawingProcess:
    """Draws elsewhere; begins anew when the process has ended.

    Args:
        folder: Where it leaves what the process printed.
    """

    def __init__(self, folder: Path) -> None:
        self._printed = folder / "printed"
        self._printed.touch()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def printed(self) -> bytes:
        return self._printed.read_bytes()

    def draw(self, chart: CurveChart) -> tuple[int, frozenset[int]]:
        """The number of rows, and the widths that they have."""
        if self._process is None:
            self._begin()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            pickle.dump(chart, self._process.stdin)
            self._process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(self._answers, selectors.EVENT_READ)
                if not selector.select(PATIENCE):
                    raise TimeoutError(f"no picture after {PATIENCE} s")
            rows, widths = pickle.load(self._answers)
        except (EOFError, BrokenPipeError, TimeoutError) as error:
            raise AssertionError(f"the process ended with {self.end()}: {self.printed.decode()}") from error
        assert isinstance(rows, int), rows
        return rows, widths

    def _begin(self) -> None:
        reading, writing = os.pipe()
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.unit.charts.drawing_process", str(writing)],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )
        os.close(writing)
        self._answers = os.fdopen(reading, "rb")

    def end(self) -> int | None:
        """End the process; how it ended."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        try:
            process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._answers.close()
        return process.returncode


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with os.fdopen(int(sys.argv[1]), "wb") as answers:
        while True:
            try:
                chart = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            rows = draw(chart)
            pickle.dump((len(rows), frozenset(sum(len(span.text) for span in row) for row in rows)), answers)
            answers.flush()


if __name__ == "__main__":
    main()
