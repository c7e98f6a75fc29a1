"""A run in a few figures, read from the ends of its log: quick however long the log is, whatever is in it."""

from __future__ import annotations

import contextlib
import math
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tui_vae.config import TrainConfig
from tui_vae.errors import EventError, RunStoreError
from tui_vae.events import (
    Epoch,
    Event,
    ModelStarted,
    ModelStatus,
    Progress,
    RunFinished,
    RunStarted,
    Schedule,
    State,
)
from tui_vae.run_status import Condition, Liveness, condition
from tui_vae.runs.directory import RunDirectory, link_trouble, read_config
from tui_vae.runs.find import newest_first, runs_in
from tui_vae.runs.head import first_line
from tui_vae.runs.heartbeat import liveness_of
from tui_vae.runs.log_decoder import decode_line
from tui_vae.runs.safe_io import open_regular

MOST_BYTES_OF_TAIL = 8 << 20
_CHUNK = 1 << 18
_MOST_DECODED = 20_000
_MOST_FILES = 20_000
_PASSED_OVER = (b'"event":"samples"', b'"event":"checkpoint"', b'"event":"notice"', b'"event":"request"')
_PROGRESS = b'"event":"progress"'


@dataclass(frozen=True)
class ModelSummary:
    """One model: its last complete epoch, and the held-out ELBO in nats per image after it.

    ``epochs`` are those it is to have at its end, where that was changed while it trained.
    """

    name: str
    epoch: int = 0
    elbo: float | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a list shows of a run. Texts are as found; they may hold anything.

    ``began`` is unix time, and ``size`` the bytes that the run takes on the disk. What is not known is ``None``.
    """

    run: RunDirectory
    state: Condition | Literal["empty", "damaged"]
    size: int
    dataset: str | None = None
    epochs: int | None = None
    models: tuple[ModelSummary, ...] = ()
    began: float | None = None
    trouble: str | None = None
    """Why a run is damaged."""

    @property
    def elbo(self) -> float | None:
        """Of the best model."""
        return max((m.elbo for m in self.models if m.elbo is not None and math.isfinite(m.elbo)), default=None)


@dataclass
class _Tail:
    """What the end of a log tells, gathered backwards: what is met first is the newest."""

    finished: RunFinished | None = None
    active: bool = False
    """Whether something happened after the end of the run: then it was resumed."""

    states: dict[str, ModelStatus] = field(default_factory=dict)
    epochs: dict[str, Epoch] = field(default_factory=dict)
    taken_back: dict[str, int] = field(default_factory=dict)
    """Of a model that was resumed: the last epoch before that counts."""

    changed: dict[str, int] = field(default_factory=dict)
    """Epochs in all, of a model that was given others."""

    def meet(self, event: Event) -> None:
        match event:
            case RunFinished() if not self.active:
                self.finished = event
            case State():
                self.states.setdefault(event.model, event.state)
            case Epoch(split="held_out") if event.epoch <= self.taken_back.get(event.model, event.epoch):
                self.epochs.setdefault(event.model, event)
            case Schedule() if event.model not in self.taken_back:  # a start tells of it again, or it holds no more
                self.changed.setdefault(event.model, event.epochs)
            case ModelStarted():
                before = self.taken_back.get(event.model, event.resumed_at_epoch or 0)
                self.taken_back[event.model] = min(before, event.resumed_at_epoch or 0)
        self.active = self.active or isinstance(event, (State, Epoch, ModelStarted, RunStarted))

    def complete(self, models: list[str]) -> bool:
        """Whether nothing further back can matter."""
        if self.finished is not None and self.finished.status == "finished":
            return True  # and has trained for all the epochs it was to have
        told = self.finished is not None or all(model in self.states and model in self.epochs for model in models)
        return told and all(model in self.changed or model in self.taken_back for model in models)


def list_runs(runs_dir: Path) -> Iterator[RunSummary]:
    """Summarise the runs of a directory, newest first, each when it is its turn.

    Raises:
        RunStoreError: The directory cannot be read. One that is not there has no runs.
    """
    return summarised_all(newest_first(runs_in(runs_dir)))


def summarised_all(runs: Sequence[RunDirectory]) -> Iterator[RunSummary]:
    """The summaries of runs, each made when it is its turn."""
    return map(summarised, runs, liveness_of(runs))


def summarised(run: RunDirectory, writer: Liveness | None = None) -> RunSummary:
    """The summary of a run; damaged or hostile content makes a poorer summary and no error.

    Args:
        run: The run.
        writer: What is known of the process that writes it; else that is looked for here, which may take seconds.
    """
    writer = writer or liveness_of([run])[0]
    size = _size(run)
    config, started, trouble = _beginning(run)
    if config is None and started is None:
        trouble = link_trouble(run.path) or trouble
        return RunSummary(run, "damaged" if trouble else "empty", size, trouble=trouble)
    names, dataset, epochs = _told_by(config, started)
    tail = _end(run, names)
    if started is None and writer == "gone":
        state: Condition | Literal["empty", "damaged"] = "damaged" if trouble else "empty"
    else:
        status = tail.finished.status if tail.finished is not None else None
        state = condition(status, [tail.states.get(name) for name in names], writer)
    return RunSummary(
        run,
        state,
        size,
        dataset,
        epochs,
        tuple(_model(name, tail) for name in names),
        started.t if started is not None else None,
        trouble if state == "damaged" else None,
    )


def _model(name: str, tail: _Tail) -> ModelSummary:
    for result in tail.finished.models if tail.finished is not None else ():
        if result.model == name:
            return ModelSummary(name, result.epochs, result.elbo, tail.changed.get(name))
    epoch, epochs = tail.epochs.get(name), tail.changed.get(name)
    return (
        ModelSummary(name, epoch.epoch, epoch.elbo, epochs) if epoch is not None else ModelSummary(name, epochs=epochs)
    )


def _beginning(run: RunDirectory) -> tuple[TrainConfig | None, RunStarted | None, str | None]:
    """The configuration, the first event, and what is wrong with a log that there is."""
    config: TrainConfig | None = None
    with contextlib.suppress(RunStoreError):
        config = read_config(run)
    try:
        line = first_line(run)
        if not line:
            return config, None, None
        event = decode_line(line)
    except FileNotFoundError:
        return config, None, None
    except OSError as error:
        return config, None, f"its log cannot be read ({error.strerror})"
    except EventError:
        return config, None, "its log begins with a line that is no event"
    if not isinstance(event, RunStarted):
        return config, None, "its log does not begin with the start of a run"
    return config, event, None


def _told_by(config: TrainConfig | None, started: RunStarted | None) -> tuple[list[str], str | None, int | None]:
    """Names of the models, data set and number of epochs."""
    if config is not None:
        return [spec.name for spec in config.models], config.dataset, config.epochs
    assert started is not None
    specs = started.config.get("models")
    epochs = started.config.get("epochs")
    names = [spec.get("name") for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return (
        [name for name in names if isinstance(name, str)],
        started.data.name,
        epochs if type(epochs) is int else None,
    )


def _end(run: RunDirectory, models: list[str]) -> _Tail:
    tail = _Tail()
    decoded = 0
    try:
        for line in _lines_backwards(run):
            if _PROGRESS in line:
                tail.active = True
            elif line.strip() and not any(other in line for other in _PASSED_OVER):
                decoded += 1
                event = _decoded(line)
                if event is not None:
                    tail.meet(event)
                    tail.active = tail.active or isinstance(event, Progress)
                if decoded >= _MOST_DECODED or tail.complete(models):
                    break
    except OSError:
        pass
    return tail


def _decoded(line: bytes) -> Event | None:
    try:
        return decode_line(line)
    except EventError:
        return None


def _lines_backwards(run: RunDirectory) -> Iterator[bytes]:
    """The whole lines at the end of the log, the last first.

    Raises:
        OSError: The log cannot be read.
    """
    with os.fdopen(open_regular(run.log), "rb") as file:
        position = file.seek(0, os.SEEK_END)
        stop = max(0, position - MOST_BYTES_OF_TAIL)
        rest = b""
        while position > stop:
            step = min(_CHUNK, position - stop)
            position -= step
            file.seek(position)
            rest, *lines = (file.read(step) + rest).split(b"\n")
            yield from reversed(lines)
        if position == 0:
            yield rest


def _size(run: RunDirectory) -> int:
    """Bytes on the disk of all files; links are not followed."""
    total, seen, folders = 0, 0, [str(run.path)]
    while folders and seen < _MOST_FILES:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    total += about.st_blocks * 512
                    seen += 1
                    if stat.S_ISDIR(about.st_mode):
                        folders.append(entry.path)
                    if seen >= _MOST_FILES:
                        break
        except OSError:
            continue
    return total
