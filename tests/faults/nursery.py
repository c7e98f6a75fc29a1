"""Starts the command many times without importing torch each time: every child is a fork, and a real process to kill.

Reads requests as JSON lines on stdin and answers each with a line on stdout. Run as ``python -m tests.faults.nursery``.

    {"arguments": [...], "output": FILE, "kill_at": N or null}   answers with the child's pid
    {"wait": PID}                                                answers with its exit code, or minus its signal

With ``kill_at`` the child kills itself at its N-th call that changes what is on the disk: as a rule, in the middle of a
checkpoint.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

CHANGING = ("open", "fsync", "replace", "rename", "link", "unlink", "ftruncate")


def main() -> None:
    for module in ("torch", "tui_vae.cli.app", "tui_vae.cli.preparation", "tui_vae.headless"):
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = born(**request)
        print(answer, flush=True)


def born(arguments: list[str], output: str, kill_at: int | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, lead in ((0, nowhere), (1, descriptor), (2, descriptor)):
        os.dup2(lead, number)
    if kill_at is not None:
        die_at_call(kill_at)
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
    calls = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **options)

        return call

    for name in CHANGING:
        setattr(os, name, dying(getattr(os, name)))


if __name__ == "__main__":
    main()
