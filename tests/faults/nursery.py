"""Starts the command many times without importing torch each time: every child is a fork, and a real process to kill.

Reads requests as JSON lines on stdin and answers each with a line on stdout. Run as ``python -m tests.faults.nursery``.

    {"arguments": [...], "output": FILE, "faults": {...}}   answers with the child's pid
    {"wait": PID}                                           answers with its exit code, or minus its signal

Faults: ``kill_at`` N, the child kills itself at its N-th call that changes what is on the disk: as a rule, in the
middle of a checkpoint. ``disk`` [CODE, SHARE, SEED], that share of such calls fails with an error code, once training
has left its first files. ``clock_back`` SECONDS, the clock jumps back so far while it trains.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

CHANGING = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "ftruncate")
CALLS_TO_BEGIN = 30
"""After so many, the run directory, its configuration and its lease are there."""

_clock = time.time
_offset = [0.0]


def main() -> None:
    # Before anything asks for the time: what is imported below keeps this function.
    time.time = lambda: _clock() + _offset[0]
    # The optimiser imports the compiler at its first step, which takes longer than all the rest.
    for module in ("torch._dynamo", "tui_vae.cli.app", "tui_vae.cli.preparation", "tui_vae.headless"):
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = born(**request)
        print(answer, flush=True)


def born(arguments: list[str], output: str, faults: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, lead in ((0, nowhere), (1, descriptor), (2, descriptor)):
        os.dup2(lead, number)
    for name, value in faults.items():
        {"kill_at": die_at_call, "disk": fail_some_calls, "clock_back": turn_clock_back}[name](value)
    from tui_vae.__main__ import main as command  # noqa: PLC0415 - as a process of its own would

    sys.argv = ["tui-vae", *arguments]
    code = 1
    try:
        command()
    except SystemExit as left:
        code = int(left.code or 0)
    finally:
        os._exit(code)


def die_at_call(number: int) -> None:
    def before(call: int) -> None:
        if call == number:
            os.kill(os.getpid(), signal.SIGKILL)

    _before_every_change(before)


def fail_some_calls(fault: tuple[int, float, int]) -> None:
    code, share, seed = fault
    chance = random.Random(seed)

    def before(call: int) -> None:
        if call > CALLS_TO_BEGIN and chance.random() < share:
            raise OSError(code, os.strerror(code))

    _before_every_change(before)


def turn_clock_back(seconds: float) -> None:
    def before(call: int) -> None:
        if call > 2 * CALLS_TO_BEGIN:
            _offset[0] = -seconds

    _before_every_change(before)


def _before_every_change(before: Callable[[int], None]) -> None:
    calls = 0

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            before(calls)
            return original(*args, **options)

        return call

    for name in CHANGING:
        setattr(os, name, wrapped(getattr(os, name)))


if __name__ == "__main__":
    main()
