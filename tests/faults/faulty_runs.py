"""Train runs in child processes of the fork server, optionally with injected faults."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from tests.fork_client import Child, ForkServer

SMALL = [
    *(
        "--no-ui",
        "--quiet",
        "--no-evaluate",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--train-size",
        "512",
        "--val-size",
        "100",
    ),
    *("--zdim", "3", "--batch-size", "32", "--model", "linear=", "--model", "deep=24,16"),
]
"""16 steps an epoch, of two models."""


class FaultyTraining:
    """Start trainings in one folder of runs, and wait for them."""

    def __init__(self, fork_server: ForkServer, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._server = fork_server

    def start(self, *arguments: str, **faults: Any) -> Child:
        """Start the command with faults of :mod:`tests.fork_server`."""
        env = os.environ | {"TUI_VAE_RUNS": str(self.folder)}
        output_file = self.folder.with_suffix(".txt")
        output_file.unlink(missing_ok=True)  # a child that was started before may go on writing to it
        with open(os.devnull) as nowhere, output_file.open("a") as output:
            streams = (nowhere.fileno(), output.fileno(), output.fileno())
            return self._server.start(arguments, folder=self.folder, env=env, streams=streams, **faults)

    def train(self, *arguments: str, **faults: Any) -> int:
        """Run the command to its end; returns its exit code, or minus the signal that ended it."""
        return self.start(*arguments, **faults).wait(patience=math.inf)

    def output(self) -> str:
        """Return the output of the child that was started last."""
        return self.folder.with_suffix(".txt").read_text(encoding="utf-8")

    def run(self, name: str) -> Path:
        """The directory of a run."""
        (path,) = self.folder.glob(f"*-{name}")
        return path
