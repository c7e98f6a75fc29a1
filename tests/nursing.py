"""The nursery, from the side of a test."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Nursery:
    """Starts the command where torch and all else of it is loaded already, as :mod:`tests.nursery` says."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        self._answers = self._socket.makefile(encoding="utf-8")

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

    def ask(self, request: dict[str, Any], streams: Sequence[int] = ()) -> Any:
        """The answer to a request."""
        socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], [*streams])
        return json.loads(self._answers.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._socket.close()


class Child:
    """A process that was born in the nursery; as ``subprocess.Popen``, as far as that is needed."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; ``None`` while it lives."""
        return self._ask(patient=False)

    def wait(self) -> int:
        code = self._ask(patient=True)
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ask(self, *, patient: bool) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask({"wait": self.pid, "patient": patient})
        return self.returncode
