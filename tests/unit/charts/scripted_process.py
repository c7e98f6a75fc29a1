"""The process that draws, with charts that say what it is to do: ``python -m tests.unit.charts.scripted_process N``."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tui_vae.charts import process
from tui_vae.charts.description import CurveChart, Row, Span


@dataclass(frozen=True)
class ScriptedChart:
    """Asks for a deed before it is drawn, as its name in every row; only once where there is a file to remember it."""

    name: str = ""
    deed: str = ""
    file: Path | None = None
    columns: int = 40
    rows: int = 3


def picture(chart: ScriptedChart) -> tuple[Row, ...]:
    return ((Span(f"{chart.name:{chart.columns}}", (1, 2, 3), None),),) * chart.rows


def draw(chart: ScriptedChart | CurveChart) -> tuple[Row, ...]:
    if isinstance(chart, CurveChart):  # that by which the process gets ready
        return ()
    if chart.deed == "wait for a file":
        while not chart.file.exists():
            time.sleep(0.01)
    elif chart.deed and not (chart.file and chart.file.exists()):
        if chart.file:
            chart.file.touch()
        do(chart.deed)
    return picture(chart)[chart.deed == "leave a row out" :]


def do(deed: str) -> None:  # noqa: PLR0912 - one deed a case
    match deed:
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "abort":
            os.abort()
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "hang":
            time.sleep(600)
        case "hang in C":
            sum(iter(int, 1))  # holds Python's lock for ever
        case "hoard":
            hoard = []
            while True:
                hoard.append(bytearray(1 << 26))
        case "talk nonsense":
            os.write(int(sys.argv[1]), b"\x00\x00\x00\x05what?" * 99)
        case "talk for ever":
            os.write(int(sys.argv[1]), b"\xff" * 4096)
        case "leave in the middle":
            os.write(int(sys.argv[1]), b"\x00\x00\x10\x00{")
            os._exit(3)
        case "print":
            os.write(1, b"\x00\x00\x00\x05what?" * 99)
            os.write(2, b"\x00\x00\x00\x05what?" * 99)
            print("an axis with equal limits", flush=True)
        case "fail":
            raise ValueError("nobody\nthought of that")
        case "leave a row out":
            pass
        case _:
            raise AssertionError(deed)


if __name__ == "__main__":
    # In the place of the module: plotext, which takes a while to load, has no part in what is tested.
    sys.modules["tui_vae.charts.drawing"] = module = ModuleType("tui_vae.charts.drawing")
    module.draw, module.PlotextMissing = draw, ImportError
    process.main()
