"""Run the program, and the programs of this package, as child processes, and read what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_vae.bench.terminal import PseudoTerminal
from tui_vae.errors import TrainingError
from tui_vae.events import Epoch, Event, RunStarted, State
from tui_vae.run_store import read_log

COMMAND = (sys.executable, "-m", "tui_vae")

MODELS = {"baseline": "baseline=", "deep": "deep=512,256"}
"""The default models, and the values of ``--model`` that stand for them."""

CONV = "conv"
CONVOLUTIONAL = ("--model", f"{CONV}=tui_vae.bench.convolutional:Encoder,Decoder")
"""Options that train the convolutional pair alone."""

ENDLESS = ("--epochs", "1000", "--no-evaluate")
"""Options of a training that goes on until it is ended."""


@dataclass(frozen=True)
class Training:
    """What one training took.

    Attributes:
        seconds: From the first step to the last epoch of all models.
        rates: Images per second of each model from its second epoch on; libraries and interface warm up in the first.
        megabytes: Peak resident memory of the process, where that was measured.
    """

    seconds: float
    rates: dict[str, float]
    megabytes: float = 0.0

    @classmethod
    def of(cls, events: Sequence[Event], megabytes: float = 0.0) -> Training:
        """Derive the figures from the events of a run of at least two epochs."""
        data = next(event for event in events if isinstance(event, RunStarted)).data
        assert data is not None
        assert data.train is not None
        began = min(event.t for event in events if isinstance(event, State) and event.state == "running")
        epochs = [event for event in events if isinstance(event, Epoch) and event.split == "train"]
        seconds: dict[str, list[float]] = {}
        for epoch in epochs:
            seconds.setdefault(epoch.model, []).append(epoch.seconds)
        rates = {model: data.train * len(of[1:]) / sum(of[1:]) for model, of in seconds.items()}
        return cls(max(epoch.t for epoch in epochs) - began, rates, megabytes)


def seconds_and_megabytes(command: Sequence[str]) -> tuple[float, float]:
    """Run a command to its end and return its time and its peak resident memory.

    Raises:
        TrainingError: It failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # subprocess does not report the memory of a single child
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise TrainingError(f"exit code {process.returncode} of {' '.join(command)}")
    return seconds, usage.ru_maxrss / 1024


def json_from(command: Sequence[object], environment: Mapping[str, str] | None = None) -> Any:
    """Run Python with these arguments and return the JSON that it prints."""
    arguments = (sys.executable, *map(str, command))
    return json.loads(subprocess.run(arguments, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def train(*options: str, interface: bool = False) -> Training:
    """Train to the end without an evaluation, headless or on a large terminal."""
    with tempfile.TemporaryDirectory() as folder:
        command = (*COMMAND, "--runs-dir", folder, "--no-evaluate", *options)
        megabytes = 0.0
        if interface:
            with PseudoTerminal(command) as terminal:
                terminal.wait_until(lambda: _finished(Path(folder)), "the end of a run", timeout=600.0, interval=0.02)
        else:
            _, megabytes = seconds_and_megabytes((*command, "--no-ui", "--quiet"))
        return Training.of(list(read_log(next(Path(folder).glob("*/events.jsonl")))), megabytes)


def _finished(runs: Path) -> bool:
    return any(b'"run_finished"' in log.read_bytes() for log in runs.glob("*/events.jsonl"))
