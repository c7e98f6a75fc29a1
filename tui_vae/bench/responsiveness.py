"""How soon the interface answers a key, and how late its event loop is, while it has most to do.

Keys are pressed in a pseudo-terminal and what they draw is waited for there: that is what a user sees, but for the
link. While both default models train, and on runs of other processes with a short and a long history.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_vae.bench.log_open import write_log
from tui_vae.bench.result import Measurement, endless
from tui_vae.bench.terminal import COLUMNS, ROWS, PseudoTerminal
from tui_vae.charts.settings import SMOOTHING_WINDOWS
from tui_vae.config import ModelSpec, TrainConfig

SHORT, LONG = 100, 1_000_000
"""Progress records of the runs that are watched."""

_KEYS = ((b"5", "following"), (b"2", "samples and reconstructions"), (b"1", "nats per image"))
"""Pages, and what each has that no other one shows."""

_SMOOTHED = (*SMOOTHING_WINDOWS[1:], *SMOOTHING_WINDOWS[-2:1:-1])
"""What ``+`` and then ``-`` come to in turn, which charts say when they have been drawn anew."""

_COMPARED, _COMPARED_RECORDS, _COMPARED_MODELS = 5, 100_000, 6
"""Runs that are compared with the one at hand; records and models of each of them all."""

_PRESSES = 42
_PRESSES_OF_CHARTS = 20
_PAUSE = 0.25
"""Seconds between two keys, so that redraws at the interface's own pace fall in between."""

_SECONDS_TO_READ, _SECONDS_TO_READ_ALL = 6.0, 15.0
"""For the log of a run, and for those of all runs that are compared, which are read beside."""

_TIMEOUT = 60.0


@dataclass(frozen=True)
class Answers:
    """Seconds from a key to the page or the chart that it draws, and by which the event loop was late."""

    keys: list[float]
    charts: list[float]
    delays: list[float]


def measure_responsiveness(repeat: int) -> list[Measurement]:
    """The 95th percentile of keys and the 99th of delays, of each repetition."""
    with tempfile.TemporaryDirectory() as folder:
        stored = {records: _stored_run(Path(folder) / str(records), records) for records in (SHORT, LONG)}
        training = [_while_training() for _ in range(repeat)]
        watching = {
            records: [_answers(("watch", str(run)), "nats per image", seconds=_SECONDS_TO_READ) for _ in range(repeat)]
            for records, run in stored.items()
        }
        comparing = _comparing(Path(folder) / "compared", repeat)
    return [
        *_figures("both models train", training),
        *(m for records, of in watching.items() for m in _figures(f"{records:,} records", of)),
        *_figures(f"{_COMPARED_MODELS} models, {_COMPARED} runs", comparing),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _figures(when: str, measured: Sequence[Answers]) -> list[Measurement]:
    keys = [1e3 * percentile(of.keys, 95) for of in measured]
    charts = [1e3 * percentile(of.charts, 95) for of in measured]
    delays = [1e3 * percentile(of.delays, 99) for of in measured]
    return [
        Measurement.of(f"{when}: key to screen, p95", "ms", keys),
        Measurement.of(f"{when}: key to a chart drawn anew, p95", "ms", charts),
        Measurement.of(f"{when}: event loop late, p99", "ms", delays),
    ]


def _while_training() -> Answers:
    with tempfile.TemporaryDirectory() as runs:
        return _answers(endless(Path(runs)), "nats per image")


def _comparing(runs: Path, repeat: int) -> list[Answers]:
    """Of a run beside which others of its kind are drawn, all with a long history."""
    models = tuple(ModelSpec(f"model-{index}") for index in range(_COMPARED_MODELS))
    runs.mkdir()
    for index in range(_COMPARED + 1):
        _stored_run(runs / f"20261122-16150{index}-run-{index}", _COMPARED_RECORDS, models)
    marks = [b"0", *itertools.chain.from_iterable([[b"\x1b[B", b"m"]] * _COMPARED), b"1"]
    watch = ("watch", "latest", "--runs-dir", str(runs))
    return [_answers(watch, "nats per image", marks, _SECONDS_TO_READ_ALL) for _ in range(repeat)]


def _answers(arguments: Sequence[str], drawn: str, first: Sequence[bytes] = (), seconds: float = 0.0) -> Answers:
    """Start the interface; when something is ``drawn`` press the ``first`` keys, wait, and press those that count."""
    with tempfile.NamedTemporaryFile(suffix=".json") as noted:
        command = (sys.executable, "-m", "tui_vae.bench.latency_probe", noted.name, *arguments)
        terminal = PseudoTerminal(command, columns=COLUMNS, rows=ROWS)
        try:
            terminal.wait_for(drawn, _TIMEOUT)
            terminal.drain(2.0)
            for key in first:
                terminal.press(key)
                terminal.drain(1.0)
            terminal.drain(seconds)
            keys = [_press(terminal, *key) for key in itertools.islice(itertools.cycle(_KEYS), _PRESSES)]
            charts = [_press(terminal, *key) for key in itertools.islice(_keys_of_charts(), _PRESSES_OF_CHARTS)]
        finally:
            terminal.close()
        return Answers(keys, charts, json.loads(Path(noted.name).read_text(encoding="ascii")))


def _keys_of_charts() -> Iterator[tuple[bytes, str]]:
    """Keys that smooth, on a page of charts, and what is drawn of each that none before it shows."""
    smoothed = 0
    for window in itertools.cycle(_SMOOTHED):
        yield b"+" if window > smoothed else b"-", f"smoothed {window} "
        smoothed = window


def _press(terminal: PseudoTerminal, key: bytes, drawn: str) -> float:
    assert not terminal.shows(drawn), f"{drawn} is there before a key has asked for it"
    began = time.perf_counter()
    terminal.press(key)
    terminal.wait_for(drawn, terminal.seconds() + _TIMEOUT)
    seconds = time.perf_counter() - began
    terminal.drain(_PAUSE)
    return seconds


def _stored_run(directory: Path, records: int, models: Sequence[ModelSpec] = TrainConfig().models) -> Path:
    """A run whose log has so many progress records; nobody trains it."""
    directory.mkdir()
    config = dataclasses.replace(TrainConfig(), models=tuple(models))
    (directory / "config.json").write_text(json.dumps(config.to_json()), encoding="ascii")
    write_log(directory / "events.jsonl", records, models=[spec.name for spec in models])
    return directory
