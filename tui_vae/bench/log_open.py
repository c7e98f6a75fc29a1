"""How long opening the log of a long run takes, and how much memory, in a child process."""

from __future__ import annotations

import json
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from tui_vae.bench.programs import MODELS, json_from
from tui_vae.bench.result import Figures
from tui_vae.errors import TrainingError
from tui_vae.events import (
    DataSummary,
    Epoch,
    Event,
    ModelStarted,
    Parameters,
    Progress,
    RunStarted,
    Split,
    State,
    encode,
)
from tui_vae.run_store.checksums import sealed_line
from tui_vae.run_store.tail import LogTail
from tui_vae.view.state import RunState, reduce_all

RECORDS = 2_000_000

_PROGRESS_PER_EPOCH = 100

# Not by -m: the package has imported this module by then, of which runpy warns.
_OPEN = "import sys; from tui_vae.bench.log_open import open_log; open_log(sys.argv[1])"


def measure_log_opening(folder: Path, records: int = RECORDS) -> Figures:
    """Open a log with so many progress records, which is written once and kept in ``folder``."""
    log = folder / "events.jsonl"
    if not log.exists():
        write_log(log, records)
    opened = json_from(("-c", _OPEN, log))
    if opened["unreadable"] or opened["steps"] != [records // 2 * 10] * 2:
        raise TrainingError(f"the log to be measured was not read to its end: {opened}")
    return {
        (f"open a log of {records:,} records", "s"): opened["seconds"],
        ("of that: peak memory", "MB"): opened["megabytes"],
    }


def write_log(path: Path, records: int) -> None:
    """Write the log of an unfinished run of the default models with so many progress records."""
    with path.open("wb") as file:
        for event in _events(records // len(MODELS)):
            file.write(sealed_line(encode(event).encode()) + b"\n")


def _events(records_each: int) -> Iterator[Event]:
    t, numbers = 1.8e9, random.Random(0)
    epochs = records_each // _PROGRESS_PER_EPOCH
    config = {"models": [{"name": name, "hidden": []} for name in MODELS], "epochs": epochs}
    data = DataSummary("mnist", 55_000, 5_000, "ab" * 32)
    yield RunStarted(t=t, name="quiet-otter", config=config, versions={}, device="cpu", data=data)
    for name in MODELS:
        parameters = Parameters(50_240, 25_872, 76_112)
        yield ModelStarted(t=t, model=name, hidden=(), parameters=parameters, resumed_at_step=None, limit=None)
        yield State(t=t, model=name, state="running")
    for index in range(records_each):
        epoch = index // _PROGRESS_PER_EPOCH + 1
        for name in MODELS:
            t += 0.025 + 1e-4 * numbers.random()
            kl, reconstruction = 30 + numbers.random(), 300 + numbers.random()
            yield Progress(
                t=t,
                model=name,
                epoch=epoch,
                step=10 * index + 10,
                steps=10 * records_each,
                loss=kl - reconstruction,
                loss_min=kl - reconstruction - numbers.random(),
                loss_max=kl - reconstruction + numbers.random(),
                reconstruction=reconstruction,
                kl=kl,
                images_per_second=1e5 * numbers.random(),
            )
            if index % _PROGRESS_PER_EPOCH == _PROGRESS_PER_EPOCH - 1:
                yield from (_epoch(t, name, epoch, split, numbers) for split in get_args(Split))


def _epoch(t: float, model: str, epoch: int, split: Split, numbers: random.Random) -> Epoch:
    return Epoch(
        t=t,
        model=model,
        epoch=epoch,
        split=split,
        elbo=270 + numbers.random(),
        reconstruction=300 + numbers.random(),
        kl=30.0,
        kl_per_latent=tuple(numbers.random() for _ in range(32)),
        active_units=32,
        sigma=0.2,
        seconds=numbers.random(),
    )


def open_log(path: str) -> None:
    """Fold a log into a state and print what that took as JSON."""
    began, state, tail = time.perf_counter(), RunState(), LogTail(Path(path))
    for events in tail.portions():
        state = reduce_all(state, events)
    seconds = time.perf_counter() - began
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps = [model.step for model in state.models.values()]
    read = {"seconds": seconds, "megabytes": kilobytes / 1024, "steps": steps, "unreadable": tail.unreadable}
    print(json.dumps(read))
