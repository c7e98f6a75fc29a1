"""Whole trainings with the interface against without, in turn: what is lost to it in all, and not to drawing alone.

The machine's speed drifts, so that one pair tells little; the median of six does.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tui_vae.bench.result import COMMAND, RATIO, Measurement, log_of, rates_of
from tui_vae.bench.terminal import COLUMNS, ROWS, PseudoTerminal
from tui_vae.events import Epoch, State
from tui_vae.runs import read_log

_FEWEST_PAIRS = 6

_SECONDS_AN_EPOCH = 120.0
"""More than any takes; a training that has not ended by then never will."""


@dataclass(frozen=True)
class Training:
    """What the log of one tells.

    Attributes:
        seconds: From the first step of a model to the last epoch of all.
        rates: Images a second of each model, see :func:`rates_of`.
    """

    seconds: float
    rates: dict[str, float]

    @classmethod
    def of(cls, log: Path) -> Training:
        events = list(read_log(log))
        began = min(event.t for event in events if isinstance(event, State) and event.state == "running")
        ended = max(event.t for event in events if isinstance(event, Epoch))
        return cls(ended - began, rates_of(log))


def measure_whole(*, repeat: int, epochs: int, report: Callable[[str], None]) -> list[Measurement]:
    """How fast both default models train in the interface, by how fast they do without it.

    Args:
        repeat: Pairs, if more than the fewest that tell anything.
        epochs: Of each training, at least 2.
        report: Told what is being measured.
    """
    pairs: list[dict[Callable[[int], Training], Training]] = []
    count = max(repeat, _FEWEST_PAIRS)
    for index in range(count):
        report(f"whole trainings with the interface and without, pair {index + 1} of {count}")
        order = (_headless, _with_interface) if index % 2 == 0 else (_with_interface, _headless)
        pairs.append({train: train(epochs) for train in order})
    headless, shown = ([pair[train] for pair in pairs] for train in (_headless, _with_interface))
    versus = f"interface at {COLUMNS}x{ROWS} / headless"
    return [
        Measurement.of(versus, RATIO, [h.seconds / s.seconds for h, s in zip(headless, shown, strict=True)]),
        *(
            Measurement.of(
                f"{model}: {versus}",
                RATIO,
                [s.rates[model] / h.rates[model] for h, s in zip(headless, shown, strict=True)],
            )
            for model in headless[0].rates
        ),
        *(
            Measurement.of(f"{model}: headless", "images/s", [of.rates[model] for of in headless])
            for model in headless[0].rates
        ),
    ]


def _headless(epochs: int) -> Training:
    with tempfile.TemporaryDirectory() as runs:
        subprocess.run((*COMMAND, "--no-ui", "--quiet", *_options(runs, epochs)), check=True, capture_output=True)
        return Training.of(log_of(Path(runs)))


def _with_interface(epochs: int) -> Training:
    with tempfile.TemporaryDirectory() as runs:
        terminal = PseudoTerminal((*COMMAND, *_options(runs, epochs)), columns=COLUMNS, rows=ROWS)
        try:
            terminal.drain_until_logged(Path(runs), b'"run_finished"', _SECONDS_AN_EPOCH * epochs)
        finally:
            terminal.close()
        return Training.of(log_of(Path(runs)))


def _options(runs: str, epochs: int) -> tuple[str, ...]:
    return "--runs-dir", runs, "--epochs", str(epochs), "--no-evaluate"
