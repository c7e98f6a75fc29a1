"""Start the command many times without importing torch each time: every child is a fork, and a real process to kill.

``python -m tests.fork_server SOCKET MODULES``, two descriptors. Reads requests from the first as JSON lines, and
answers each with a line. The second listens for :mod:`tests.fork_caller`, which asks for a module to be run and gets
its exit code.

    {"arguments": [...], "folder": PATH, "env": {...}, "terminal": BOOL, "faults": {...}}   answers with the child's pid
    {"ended": PID}                      answers with its exit code, or minus its signal; with null while it lives

The first comes with three descriptors, the standard streams of the child; ``terminal`` says whether the first of them
is to be its controlling terminal, in a session of its own.

Faults: ``kill_at`` N, the child kills itself at its N-th call that changes what is on the disk: as a rule, in the
middle of a checkpoint. ``disk`` [CODE, SHARE, SEED], that share of such calls fails with an error code, once training
has left its first files. ``clock_back`` SECONDS, the clock jumps back so far while it trains. ``longest_file`` BYTES,
no file can be written beyond that, as if the disk were full there. ``evaluation`` CONFIG, another one at the end of
training than that of ten thousand samples. ``slow_until`` PATH, steps are taken slowly until there is such a file.
``deaths`` N, charts are drawn until so many processes that draw have died within a minute.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import random
import resource
import runpy
import select
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from tests import fork_caller

CHANGING = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "ftruncate")
LOADED = (
    *("tui_vae.app.interface", "tui_vae.app.run_setup", "tui_vae.app.train", "tui_vae.app.graphics"),
    *("tui_vae.headless", "PIL.PngImagePlugin", "numpy.ctypeslib"),
)
"""What a training needs."""

CALLS_TO_BEGIN = 30
"""After so many, the run directory, its configuration and its lease are there."""

SECONDS_OF_SLOW_STEPS = 0.25
"""At least, of a group of them."""

_clock = time.time
_offset = [0.0]


def main() -> None:
    requests, modules = (socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:])
    # Before anything asks for the time: what is imported below keeps this function.
    time.time = lambda: _clock() + _offset[0]
    command = load_command()
    unasked: set[int] = set()
    while True:
        asking = requests if requests in select.select([requests, modules], [], [])[0] else modules.accept()[0]
        if (request := receive(asking)) is None:
            return
        message, streams = request
        if "ended" in message:
            answer = exit_code_of(message["ended"])
        elif (answer := os.fork()) == 0:
            requests.close()
            address = modules.getsockname()
            modules.close()
            if module := message.pop("module", None):
                start_as_new_process(streams=streams, arguments=[], terminal=False, faults={}, **message)
                run_to_the_end(functools.partial(run_module, module, asking))
            start_as_new_process(streams=streams, address=address, **message)
            run_to_the_end(command)
        for descriptor in streams:
            os.close(descriptor)
        if asking is requests:
            requests.sendall(json.dumps(answer).encode() + b"\n")
        else:
            asking.close()
            unasked.add(answer)
        unasked = {pid for pid in unasked if exit_code_of(pid) is None}


def python_module(address: str, name: str) -> tuple[str, ...]:
    """The command that has the server at an address run a module of the program."""
    return sys.executable, "-I", "-S", fork_caller.__file__, address, name


def run_module(name: str, caller: socket.socket) -> NoReturn:
    """Run a module as the main one; tell the exit code to who asked for it, and do not outlive that."""
    leave = os._exit
    threading.Thread(target=lambda: leave(len(caller.recv(1))), daemon=True).start()

    def tell_and_leave(status: int) -> NoReturn:
        caller.sendall(str(status).encode())
        leave(status)

    os._exit = tell_and_leave
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    raise SystemExit


def load_command() -> Callable[[], None]:
    """Import what every child needs and read the images; return the command."""
    program = importlib.import_module("tui_vae.__main__")
    program.wait_without_spinning()
    for module in LOADED:
        importlib.import_module(module)
    data = importlib.import_module("tui_vae.data")
    images = data.load_mnist()
    data.load_mnist = lambda: images
    importlib.import_module("tests.short_chains").shorten()
    # Typer loads Pydantic when it converts the first option; there are no runs to list.
    importlib.import_module("tui_vae.cli.app").app(["runs", "--runs-dir", "/nowhere"], standalone_mode=False)
    gc.freeze()
    command: Callable[[], None] = program.main
    return command


def receive(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its descriptors, or ``None`` at the end of the connection."""
    line, streams, _, _ = socket.recv_fds(requests, 65536, 3)
    while line and not line.endswith(b"\n"):
        line += requests.recv(65536)
    return (json.loads(line), streams) if line else None


def exit_code_of(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def start_as_new_process(
    *,
    arguments: list[str],
    folder: str,
    env: dict[str, str],
    terminal: bool,
    faults: dict[str, Any],
    streams: list[int],
    address: str = "",
) -> None:
    """Give a fork the working directory, environment, streams and terminal of a new process."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which is ignored where the tests run under nohup
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    if terminal:
        os.setsid()
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", 1 if os.isatty(1) else -1, encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = ["tui-vae", *arguments]
    for name, value in faults.items():
        {
            "kill_at": die_at_call,
            "disk": fail_some_calls,
            "clock_back": turn_clock_back,
            "slow_until": take_steps_slowly,
            "evaluation": functools.partial(evaluate_otherwise, address),
            "deaths": lambda number: setattr(importlib.import_module("tui_vae.charts.drawer"), "DEATHS", number),
            "longest_file": lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        }[name](value)


def run_to_the_end(command: Callable[[], None]) -> NoReturn:
    """Run the command and exit at once with its code, without the teardown of the interpreter."""
    code: object = 1
    try:
        command()
    except SystemExit as left:
        code = left.code or 0
    finally:
        with contextlib.suppress(OSError):  # nobody may be listening any more
            sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 1)


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


def take_steps_slowly(until: str) -> None:
    group = importlib.import_module("tui_vae.training.step_batch").StepGroup
    take = group.take

    def take_slowly(*args: Any, **options: Any) -> None:
        if not os.path.exists(until):
            time.sleep(SECONDS_OF_SLOW_STEPS)
        take(*args, **options)

    group.take = take_slowly


def evaluate_otherwise(address: str, config: dict[str, Any]) -> None:
    process = importlib.import_module("tui_vae.app.evaluation_process")
    process._COMMAND = python_module(address, "tui_vae.app.evaluation_worker")
    chosen = process.EvaluationConfig.from_json(config)
    process.EvaluationConfig = lambda device: chosen


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
