"""Summarise a run for a list, from the two ends of its log: fast for a log of any length, safe for any content."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
from tui_vae.run_status import ListedModel, ListedRun, ListState, Liveness, condition
from tui_vae.run_store.directory import RunDirectory, link_trouble, read_config
from tui_vae.run_store.files import open_regular
from tui_vae.run_store.find import newest_first, runs_in
from tui_vae.run_store.heartbeat import liveness_of, read_lease
from tui_vae.run_store.log_decoder import decode_line, first_line

MOST_BYTES_OF_TAIL = 8 << 20
_CHUNK = 1 << 18
_MOST_DECODED = 20_000
_MOST_FILES = 20_000
_IRRELEVANT = (b'"event":"samples"', b'"event":"checkpoint"', b'"event":"notice"', b'"event":"request"')
_PROGRESS, _EPOCH = b'"event":"progress"', b'"event":"epoch"'


def list_runs(runs_dir: Path) -> Iterator[ListedRun]:
    """Summarise the runs of a directory, newest first, each when it is its turn.

    Raises:
        RunStoreError: The directory cannot be read. One that does not exist has no runs.
    """
    return summarise_all(newest_first(runs_in(runs_dir)))


def summarise_all(runs: Sequence[RunDirectory]) -> Iterator[ListedRun]:
    """Summarise runs, each when it is its turn."""
    return map(summarise, runs, liveness_of(runs))


def summarise(run: RunDirectory, writer: Liveness | None = None) -> ListedRun:
    """Summarise a run. Texts are as found and may hold anything; damaged content makes a poorer summary and no error.

    Args:
        run: The run.
        writer: Liveness of the process that writes it; ``None`` to look for it here, which may take seconds.
    """
    writer = writer or liveness_of([run])[0]
    key, size = str(run.path), _size(run)
    link = os.path.realpath(key) if os.path.islink(key) else None
    config, started, trouble = _read_start(run)
    if config is None and started is None:
        trouble = link_trouble(run.path) or trouble
        return ListedRun(key, run.name, "damaged" if trouble else "empty", size=size, trouble=trouble, link=link)
    names, dataset, epochs = _setup(config, started)
    end = _read_end(run, names)
    if started is None and writer == "gone":
        state: ListState = "damaged" if trouble else "empty"
    else:
        status = end.finished.status if end.finished is not None else None
        state = condition(status, [end.states.get(name) for name in names], writer)
    lease = read_lease(run) if writer != "gone" else None
    return ListedRun(
        key,
        run.name,
        state,
        tuple(map(end.model, names)),
        epochs,
        dataset,
        started.t if started is not None else None,
        size,
        trouble if state == "damaged" else None,
        link,
        end.finished.t if end.finished is not None else None,
        lease.host if lease is not None else None,
    )


def _read_start(run: RunDirectory) -> tuple[TrainConfig | None, RunStarted | None, str | None]:
    """The configuration, the first event, and what is wrong with a log that exists."""
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
        return config, None, "its log begins with a line that is not an event"
    if not isinstance(event, RunStarted):
        return config, None, "its log does not begin with the start of a run"
    return config, event, None


def _setup(config: TrainConfig | None, started: RunStarted | None) -> tuple[list[str], str | None, int | None]:
    """Names of the models, data set and number of epochs, by the configuration or else by the first event."""
    if config is not None:
        return [spec.name for spec in config.models], config.dataset, config.epochs
    assert started is not None
    specs = started.config.get("models")
    epochs = started.config.get("epochs")
    names = [spec.get("name") for spec in specs if isinstance(spec, dict)] if isinstance(specs, list) else []
    return (
        [name for name in names if isinstance(name, str)],
        started.data.name if started.data is not None else None,
        epochs if type(epochs) is int else None,
    )


@dataclass
class _LogEnd:
    """The end of a log, gathered backwards: the first value found is the newest."""

    finished: RunFinished | None = None
    active: bool = False
    """Whether something happened after the end of the run: then it was resumed."""

    states: dict[str, ModelStatus] = field(default_factory=dict)
    epochs: dict[str, Epoch] = field(default_factory=dict)
    resumed_at: dict[str, int] = field(default_factory=dict)
    """Of a model that was started again: the last of the epochs before that which counts."""

    scheduled: dict[str, int] = field(default_factory=dict)
    """Number of epochs of a model for which that was changed."""

    def add(self, event: Event) -> None:
        match event:
            case RunFinished() if not self.active:
                self.finished = event
            case State():
                self.states.setdefault(event.model, event.state)
            case Epoch(split="held_out") if event.epoch <= self.resumed_at.get(event.model, event.epoch):
                self.epochs.setdefault(event.model, event)
            case Schedule() if event.model not in self.resumed_at:  # a start repeats it where it still holds
                self.scheduled.setdefault(event.model, event.epochs)
            case ModelStarted():
                before = self.resumed_at.get(event.model, event.resumed_at_epoch or 0)
                self.resumed_at[event.model] = min(before, event.resumed_at_epoch or 0)
        self.active = self.active or isinstance(event, (State, Epoch, ModelStarted, RunStarted, Progress))

    def complete(self, models: Sequence[str]) -> bool:
        """Whether no earlier event can matter."""
        if self.finished is not None and self.finished.status == "finished":
            return True  # each model has trained for all of its epochs
        known = self.finished is not None or all(model in self.states and model in self.epochs for model in models)
        return known and all(model in self.scheduled or model in self.resumed_at for model in models)

    def model(self, name: str) -> ListedModel:
        scheduled = self.scheduled.get(name)
        for result in self.finished.models if self.finished is not None else ():
            if result.model == name:
                return ListedModel(name, result.epochs, result.elbo, scheduled)
        last = self.epochs.get(name)
        return (
            ListedModel(name, epochs=scheduled) if last is None else ListedModel(name, last.epoch, last.elbo, scheduled)
        )


def _read_end(run: RunDirectory, models: Sequence[str]) -> _LogEnd:
    end = _LogEnd()
    decoded = 0
    with contextlib.suppress(OSError):
        for line in _lines_backwards(run):
            # Decoding is what takes time: not what could only say that the run went on.
            if _PROGRESS in line or (_EPOCH in line and end.epochs.keys() >= set(models)):
                end.active = True
            elif line.strip() and not any(other in line for other in _IRRELEVANT):
                decoded += 1
                with contextlib.suppress(EventError):
                    end.add(decode_line(line))
                if decoded >= _MOST_DECODED or end.complete(models):
                    break
    return end


def _lines_backwards(run: RunDirectory) -> Iterator[bytes]:
    """Whole lines of the log from its end on, the last first.

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
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512
                    seen += 1
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.path)
                    if seen >= _MOST_FILES:
                        break
        except OSError:
            continue
    return total
