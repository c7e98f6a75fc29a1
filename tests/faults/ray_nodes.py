"""Ray nodes on this machine, each with a loopback address of its own and one core, as if they were machines."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "OMP_WAIT_POLICY": "passive"}
_START = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--object-store-memory=80000000")
_HEAD = "127.0.0.2"
_STARTED = "Ray runtime started."
_PATIENCE = 300.0


class Nodes:
    """A cluster whose head trains nothing; use it as a context.

    Args:
        folder: Where Ray keeps its sockets, with a short path, and what nodes print.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 2
        with socket.socket() as free:
            free.bind((_HEAD, 0))
            self.address = f"{_HEAD}:{free.getsockname()[1]}"
        self._head: subprocess.Popen[bytes] | None = None
        self.nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Nodes:
        port = self.address.rpartition(":")[2]
        temporary = ("--temp-dir", str(self._folder), "--include-dashboard=false")
        self._head = self._start("--head", f"--node-ip-address={_HEAD}", f"--port={port}", "--num-cpus=0", *temporary)
        self.wait()
        return self

    def __exit__(self, *raised: object) -> None:
        for node in [*self.nodes, self._head]:
            if node is not None:
                kill_all(node)

    def add(self) -> None:
        """Start a node with one core."""
        self._number += 1
        self.nodes.append(
            self._start(f"--address={self.address}", f"--node-ip-address=127.0.0.{self._number}", "--num-cpus=1")
        )

    def wait(self) -> None:
        """Wait until all nodes that were started have joined."""
        end = time.monotonic() + _PATIENCE
        while self._said().count(_STARTED) < self._number - 1:
            assert time.monotonic() < end, self._said()
            assert self._head is not None
            assert self._head.poll() is None, self._said()
            time.sleep(0.2)

    def kill(self, index: int) -> None:
        """Kill a node with all of its processes, at once."""
        kill_all(self.nodes.pop(index))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [*_START, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                env=os.environ | ENVIRONMENT,
            )

    def _said(self) -> str:
        return (self._folder / "said.txt").read_text(encoding="utf-8", errors="replace")


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything below it; suspended first, so that none of it sees another die."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        family = [root, *root.children(recursive=True)]
        for signal in ("suspend", "kill"):
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    getattr(member, signal)()
    process.wait()
