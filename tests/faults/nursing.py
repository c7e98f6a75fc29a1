"""The nursery, from the side of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


class Nursery:
    """Starts the command on the runs of a folder, and awaits it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | {"TUI_VAE_RUNS": str(folder)},
        )

    def start(self, *arguments: str, **faults: Any) -> int:
        """Start the command, with faults as :mod:`tests.faults.nursery` has them; returns its pid."""
        output = self.folder.with_suffix(".txt")
        output.unlink(missing_ok=True)
        return self._ask({"arguments": arguments, "output": str(output), "faults": faults})

    def wait(self, pid: int) -> int:
        """Exit code of a child, or minus the signal that ended it."""
        return self._ask({"wait": pid})

    def train(self, *arguments: str, **faults: Any) -> int:
        """Run the command to its end; returns its exit code, or minus the signal that ended it."""
        return self.wait(self.start(*arguments, **faults))

    def output(self) -> str:
        """What the child that was started last has written."""
        return self.folder.with_suffix(".txt").read_text(encoding="utf-8")

    def run(self, name: str) -> Path:
        """The directory of a run."""
        (path,) = self.folder.glob(f"*-{name}")
        return path

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
