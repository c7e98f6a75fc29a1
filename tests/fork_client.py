"""The client of :mod:`tests.fork_server`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from tests.fork_server import python_module

PATIENCE = 120.0
"""Seconds after which a child that does not end is given up."""


class ForkServer:
    """Start the command in forks of a process that has loaded it already."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory()
        self._address = f"{self._folder.name}/modules"
        with theirs, socket.socket(socket.AF_UNIX) as modules:
            modules.bind(self._address)
            modules.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), str(modules.fileno())],
                pass_fds=[theirs.fileno(), modules.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._answers = self._socket.makefile(encoding="utf-8")

    def python_module(self, name: str) -> tuple[str, ...]:
        """A command that runs a module as ``python -m`` does, in a fork of the server."""
        return python_module(self._address, name)

    def start(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        streams: Sequence[int],
        terminal: bool = False,
        **faults: Any,
    ) -> Child:
        """Start the command; its standard input, output and errors are the descriptors given."""
        born = {"arguments": [*arguments], "folder": str(folder), "env": dict(env), "terminal": terminal}
        return Child(self, self.ask(born | {"faults": faults}, streams))

    def start_piped(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        **faults: Any,
    ) -> PipedChild:
        """Start the command without input; its output is read through pipes, unless files are given."""
        with contextlib.ExitStack() as theirs:
            nowhere = theirs.enter_context(open(os.devnull))
            ends: list[TextIO | None] = []
            streams = [nowhere.fileno()]
            for given in (stdout, stderr):
                if given is not None:
                    streams.append(given.fileno())
                    ends.append(None)
                    continue
                ours, other = os.pipe()
                theirs.callback(os.close, other)
                streams.append(other)
                ends.append(os.fdopen(ours, encoding="utf-8"))
            child = self.start(arguments, folder=folder, env=env, streams=streams, **faults)
        return PipedChild(self, child.pid, *ends)

    def run(self, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, like ``subprocess.run``."""
        child = self.start_piped(arguments, folder=folder, env=env)
        out, err = child.communicate()
        return subprocess.CompletedProcess(arguments, child.wait(), out, err)

    def ask(self, request: dict[str, Any], streams: Sequence[int] = ()) -> Any:
        """The answer to a request."""
        socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], [*streams])
        return json.loads(self._answers.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._socket.close()
        self._folder.cleanup()


class Child:
    """A fork of the server, with a part of the interface of ``subprocess.Popen``."""

    def __init__(self, fork_server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = fork_server

    def poll(self) -> int | None:
        """Return the exit code, or minus the signal that ended the process; ``None`` while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({"ended": self.pid})
        return self.returncode

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for the end by polling, for the server must never block."""
        end = time.monotonic() + patience
        while (code := self.poll()) is None:
            assert time.monotonic() < end, f"{self.pid} did not end"
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def suspend(self) -> None:
        """Stop the process, and wait until each of its threads has stopped: the signal reaches them one by one."""
        self.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        end = time.monotonic() + PATIENCE
        while any(_state(task) not in "TtZX" for task in tasks.iterdir()):
            assert time.monotonic() < end, f"{self.pid} did not stop"
            time.sleep(0.002)


def _state(task: Path) -> str:
    """The state of a thread, as /proc has it: T for stopped; X where it has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


class PipedChild(Child):
    """A child whose output is read through pipes, where they are not ``None``."""

    def __init__(self, fork_server: ForkServer, pid: int, stdout: TextIO | None, stderr: TextIO | None) -> None:
        super().__init__(fork_server, pid)
        self.stdout, self.stderr = stdout, stderr

    def communicate(self) -> tuple[str, str]:
        """Read both outputs to their end, then wait for the process."""
        with ThreadPoolExecutor(2) as reading:
            out, err = reading.map(lambda stream: "" if stream is None else stream.read(), (self.stdout, self.stderr))
        self.wait()
        return out, err

    def close(self) -> None:
        """Kill the process and close its pipes."""
        self.send_signal(signal.SIGKILL)
        self.wait()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
