"""How long opening the log of a long run takes, and how much memory: measured in a process of its own.

Nothing but the log decides: what is written is what a training of two models writes, only longer.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_vae.errors import TrainingError
from tui_vae.events import (
    Checkpoint,
    DataSummary,
    Epoch,
    Event,
    ModelStarted,
    Parameters,
    Progress,
    RunStarted,
    Samples,
    SheetLayout,
    Split,
    State,
    encode,
)
from tui_vae.runs.checksums import sealed_line

MODELS = ("baseline", "deep")
_PROGRESS_PER_EPOCH = 100

_OPEN = """
import json, resource, sys, time
began = time.perf_counter()
from pathlib import Path
from tui_vae.runs.tail import LogTail
from tui_vae.view.state import RunState, reduce_all
imported = time.perf_counter()
peak = lambda who: resource.getrusage(who).ru_maxrss / 1024
state, tail = RunState(), LogTail(Path(sys.argv[1]))
for events in tail.portions():
    state = reduce_all(state, events)
read = time.perf_counter()
print(json.dumps({
    "import_seconds": imported - began,
    "read_seconds": read - imported,
    "peak_megabytes": sum(map(peak, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))),
    "unreadable": tail.unreadable,
    "steps": [model.step for model in state.models.values()],
}))
"""


@dataclass(frozen=True)
class Opening:
    """What it cost to open a log and fold it into a state.

    ``peak_megabytes`` is of the process and its helper together.
    """

    import_seconds: float
    read_seconds: float
    peak_megabytes: float


def measure_openings(records: int, repeat: int) -> list[Opening]:
    """Write a log with so many progress records, and open it ``repeat`` times, each in a process of its own.

    Args:
        records: Progress records of two models together; each also has an epoch for every hundred of them.
        repeat: Times that it is opened.

    Raises:
        TrainingError: The log was not read whole.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.jsonl"
        write_log(log, records)
        return [_opening(log, records) for _ in range(repeat)]


def _opening(log: Path, records: int) -> Opening:
    done = subprocess.run([sys.executable, "-c", _OPEN, str(log)], check=True, capture_output=True)
    told = json.loads(done.stdout)
    if told["unreadable"] or told["steps"] != [records // 2 * 10] * 2:
        raise TrainingError(f"the log that was to be measured was not read whole: {told}")
    return Opening(told["import_seconds"], told["read_seconds"], told["peak_megabytes"])


def write_log(path: Path, records: int, *, models: Sequence[str] = MODELS) -> None:
    """Write the log of a run that has so many progress records of all its models together, and goes on."""
    with path.open("wb") as file:
        for event in _events(records, models):
            file.write(sealed_line(encode(event).encode()) + b"\n")


def _events(records: int, models: Sequence[str]) -> Iterator[Event]:
    t = 1.8e9
    of_each = records // len(models)
    config = {
        "models": [{"name": name, "hidden": []} for name in models],
        "epochs": of_each // _PROGRESS_PER_EPOCH,
    }
    data = DataSummary("mnist", 55_000, 5_000, "ab" * 32)
    yield RunStarted(t=t, name="quiet-otter", config=config, versions={}, device="cpu", data=data)
    for name in models:
        parameters = Parameters(50_240, 25_872, 76_112)
        yield ModelStarted(t=t, model=name, hidden=(), parameters=parameters, resumed_at_step=None, limit=None)
        yield State(t=t, model=name, state="running")
    numbers = random.Random(0)
    for index in range(1, of_each + 1):
        for name in models:
            t += 0.025 + 1e-4 * numbers.random()
            yield _progress(t, name, index, of_each, numbers)
            if index % _PROGRESS_PER_EPOCH == 0:
                yield from _epoch(t, name, index // _PROGRESS_PER_EPOCH, numbers)


def _progress(t: float, model: str, index: int, of: int, numbers: random.Random) -> Progress:
    kl, reconstruction = 30 + numbers.random(), 300 + numbers.random()
    loss = kl - reconstruction
    return Progress(
        t=t,
        model=model,
        epoch=(index - 1) // _PROGRESS_PER_EPOCH + 1,
        step=10 * index,
        steps=10 * of,
        loss=loss,
        loss_min=loss - numbers.random(),
        loss_max=loss + numbers.random(),
        reconstruction=reconstruction,
        kl=kl,
        images_per_second=1e5 * numbers.random(),
    )


def _epoch(t: float, model: str, epoch: int, numbers: random.Random) -> Iterator[Event]:
    splits: tuple[Split, ...] = ("train", "held_out")
    for split in splits:
        yield Epoch(
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
    yield Samples(t=t, model=model, epoch=epoch, file=f"samples/{model}/{epoch}.png", layout=SheetLayout(10, 2, 1))
    step = 10 * _PROGRESS_PER_EPOCH * epoch
    yield Checkpoint(t=t, model=model, epoch=epoch, step=step, file="latest.safetensors", kind="latest")
