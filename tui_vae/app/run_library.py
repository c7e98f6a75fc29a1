"""The runs of a folder for the interface: list, preview, open, and start or resume training in a detached process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tui_vae.app.export_run import default_folder
from tui_vae.app.output_capture import nameless_file
from tui_vae.app.study.watcher import StudyWatcher
from tui_vae.app.watch_source import WatchSource
from tui_vae.child_process import python_module, withheld_from_children
from tui_vae.codec import convert
from tui_vae.config import TrainConfig
from tui_vae.errors import EventError, ExitCode, RunStoreError, TuiVaeError, UsageError
from tui_vae.events import Parameters
from tui_vae.export.formats import Format, format_of
from tui_vae.run_status import ListedRun
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.find import newest_first, run_at, runs_in
from tui_vae.run_store.heartbeat import writer_pid
from tui_vae.run_store.pictures import picture_of
from tui_vae.run_store.rename_delete import delete_run, rename_run
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.study import study_at
from tui_vae.run_store.summary_cache import SummaryCache
from tui_vae.run_store.tail import LogTail
from tui_vae.view.image_cells import Sheet, parse_sheet
from tui_vae.view.run_source import ComparedRuns, Preview
from tui_vae.view.sanitize import printable, printable_event
from tui_vae.view.state import RunState, reduce_all

_COMMAND = (*python_module("tui_vae"), "--no-ui", "--quiet")

_CHECK = python_module("tui_vae.app.network_check_worker")

_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_OF_CHECK = 60
_MOST_SAID = 4000
_LOWEST_PRIORITY = 19


class EndedError(TuiVaeError):
    """A process failed; the message is its own."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said or f"the process ended at once, with code {code} and without a message")
        self.code = code


def resume_elsewhere(run: RunDirectory, *, trust: bool = False) -> None:
    """Resume a run in another process, with ``--trust`` or without; returns when that process is its writer.

    Raises:
        TuiVaeError: It ended before that.
    """
    _written_by_another(lambda: [run], ["--resume", str(run.path), *(["--trust"] if trust else [])])


def start_elsewhere(runs_dir: Path, arguments: Sequence[str]) -> RunDirectory:
    """Start a run in another process; returns the run when it exists.

    Args:
        runs_dir: Where to keep it.
        arguments: Its train options.

    Raises:
        TuiVaeError: The process ended without a run.
    """
    before = {run.path.name for run in runs_in(runs_dir)}

    def new() -> list[RunDirectory]:
        return newest_first(runs_in(runs_dir, before))

    try:
        return _written_by_another(new, ["--runs-dir", str(runs_dir), *arguments])
    except EndedError as error:
        # A short run may be over between two looks.
        trained = error.code in (ExitCode.OK, ExitCode.MODEL_FAILED, ExitCode.STOPPED)
        if trained and (runs := new()):
            return runs[0]
        raise


def checked_elsewhere(train: TrainConfig) -> dict[str, Parameters]:
    """Check networks of the user's own in another process; returns the parameters of their models by name.

    Raises:
        UsageError: They cannot be trained, or take longer than a minute to load.
        RunStoreError: No process can be started.
    """
    try:
        done = subprocess.run(
            _CHECK,
            input=json.dumps(train.to_json()).encode(),
            capture_output=True,
            timeout=_SECONDS_OF_CHECK,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"--model: the networks were not loaded within {_SECONDS_OF_CHECK} s") from error
    except OSError as error:
        raise RunStoreError(f"no process can be started ({error.strerror})") from error
    try:
        found = json.loads(done.stdout.splitlines()[-1])
        if "" not in found:
            return convert(found, dict[str, Parameters])
    except (ValueError, IndexError, EventError) as error:
        raise UsageError(f"--model: the check of the networks ended with code {done.returncode}") from error
    raise UsageError(printable(str(found[""])))


def _written_by_another(candidates: Callable[[], Iterable[RunDirectory]], arguments: Sequence[str]) -> RunDirectory:
    """Start a process and wait until it is the writer of one of the candidates.

    Raises:
        EndedError: It ended before that.
        RunStoreError: No process can be started.
    """
    # A nameless file: the process may write to it for as long as it runs, and nothing is left behind.
    with nameless_file() as said:
        try:
            process = subprocess.Popen(
                [*_COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,  # neither Ctrl-C nor a hangup of this terminal reaches it
            )
        except OSError as error:
            raise RunStoreError(f"no process can be started ({error.strerror})") from error
        # A process that nobody waits for stays a zombie.
        threading.Thread(target=process.wait, name="launched", daemon=True).start()
        while True:
            ended = process.poll() is not None
            for run in candidates():
                if writer_pid(run) == process.pid:
                    return run
            if ended:
                raise EndedError(_last_line(said), process.returncode)
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def export_elsewhere(run: RunDirectory, form: Format, folder: Path) -> str:
    """Export a run in another process; returns what it printed.

    Raises:
        TuiVaeError: The process failed, with its message.
    """
    target = folder / default_folder(run, form)
    return _in_another_process("export", str(run.path), "--to", form, "-o", str(target))


def report_elsewhere(run: RunDirectory, page: Path) -> None:
    """Write the report of a run in another process; returns when it is written.

    Raises:
        TuiVaeError: The process failed, with its message.
    """
    _in_another_process("report", str(run.path), "-o", str(page))


def _in_another_process(*arguments: str) -> str:
    """Run a command in a process that gives way to all others, as to what trains in this one; returns what it printed.

    Raises:
        EndedError: It failed, with its message.
        RunStoreError: No process can be started.
    """
    with nameless_file() as said:
        try:
            with withheld_from_children():
                process = subprocess.Popen(
                    [*python_module("tui_vae"), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    start_new_session=True,
                )
        except OSError as error:
            raise RunStoreError(f"no process can be started ({error.strerror})") from error
        with contextlib.suppress(OSError):  # it may have ended
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
        printed, _ = process.communicate()
        if process.returncode:
            raise EndedError(_last_line(said), process.returncode)
    return printable(printed.decode(errors="replace").strip(), keep="\n")


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(_MOST_SAID).decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("tui-vae: ") if lines else ""


_MOST_PREVIEWS = 8
_MOST_MODELS = 20
_MOST_SHEETS = 6
_MOST_SECONDS = 100 * 365 * 86_400.0


@dataclass
class _Read:
    """A run as far as it was read for its preview."""

    tail: LogTail
    state: RunState = field(default_factory=RunState)
    sheets: dict[str, Sheet | None] = field(default_factory=dict)
    """Samples by file; ``None`` for one that cannot be read."""


class Library:
    """A run's key is its absolute path. Nothing is read again that has not changed.

    Args:
        runs_dir: The folder of the runs.
        trust: Whether the sources of networks that runs keep may be executed.
    """

    def __init__(self, runs_dir: Path, *, trust: bool = False) -> None:
        self._runs_dir = runs_dir
        self._trust = trust
        self._cache = SummaryCache(Path(os.path.abspath(runs_dir)), _printable_run)
        self._listing = threading.Lock()
        self._previews: OrderedDict[str, _Read] = OrderedDict()
        self._previewing = threading.Lock()

    @property
    def folder(self) -> str:
        return printable(str(self._runs_dir))

    def list(self, seen: Collection[str] = ()) -> Sequence[ListedRun]:
        with self._listing:
            return self._cache.list(seen)

    def look(self, key: str) -> ListedRun:
        run = run_at(Path(key))
        with self._listing:
            return self._cache.look(run)

    def preview(self, key: str) -> Preview:
        run = run_at(Path(key))
        with self._previewing:
            read = self._previews.setdefault(key, _Read(LogTail(run.log)))
            self._previews.move_to_end(key)
            if len(self._previews) > _MOST_PREVIEWS:
                self._previews.popitem(last=False)
            if run.log.exists():
                for events in read.tail.portions():
                    known = RunState() if read.tail.restarted else read.state
                    read.state = reduce_all(known, map(printable_event, events))
            return Preview(read.state, _newest_sheets(run, read))

    def compare(self, keys: Sequence[str]) -> ComparedRuns:
        from tui_vae.app.report_content import compared_runs  # noqa: PLC0415 - what computes intervals takes a second

        return compared_runs([run_at(Path(key)) for key in keys])

    def open(self, key: str) -> WatchSource:
        source = WatchSource(run_at(Path(key)), control=True, trust=self._trust)
        source.start()
        return source

    def study(self, key: str) -> StudyWatcher:
        directory = study_at(Path(key))
        if directory is None:
            raise RunStoreError(f"{key}: no study is there")
        return StudyWatcher(directory)

    def rename(self, key: str, name: str) -> str:
        return str(rename_run(run_at(Path(key)), name).path)

    def delete(self, key: str) -> None:
        delete_run(run_at(Path(key)))

    def resume(self, key: str) -> str:
        resume_elsewhere(run_at(Path(key)), trust=self._trust)
        return key

    def stop(self, key: str) -> None:
        send_request(run_at(Path(key)), "stop", None)

    def check(self, train: TrainConfig) -> Mapping[str, Parameters]:
        return checked_elsewhere(train)

    def start(self, arguments: Sequence[str]) -> str:
        return os.path.abspath(start_elsewhere(self._runs_dir, arguments).path)

    def export(self, key: str, form: str, folder: str) -> str:
        return export_elsewhere(run_at(Path(key)), format_of(form), Path(folder))

    def report(self, key: str, page: str) -> None:
        report_elsewhere(run_at(Path(key)), Path(page))


def _newest_sheets(run: RunDirectory, read: _Read) -> dict[str, Sheet]:
    """The newest samples of the first models that have any; each file is read once."""
    sheets: dict[str, Sheet] = {}
    used: dict[str, Sheet | None] = {}
    for name, model in list(read.state.models.items())[:_MOST_SHEETS]:
        if not model.samples:
            continue
        newest = model.samples[-1]
        if newest.file in read.sheets:
            used[newest.file] = read.sheets[newest.file]
        else:
            try:
                used[newest.file] = parse_sheet(picture_of(run, newest.file), newest.layout)
            except RunStoreError:
                used[newest.file] = None
        sheet = used[newest.file]
        if sheet is not None:
            sheets[name] = sheet
    read.sheets = used
    return sheets


def _printable_run(run: ListedRun) -> ListedRun:
    """Make the texts of a summary safe to show: a damaged log may hold any number, any name, and any number of them."""
    return dataclasses.replace(
        run,
        name=printable(run.name),
        models=tuple(dataclasses.replace(model, name=printable(model.name)) for model in run.models[:_MOST_MODELS]),
        dataset=printable(run.dataset) if run.dataset is not None else None,
        began=run.began if run.began is not None and abs(time.time() - run.began) < _MOST_SECONDS else None,
        trouble=printable(run.trouble) if run.trouble is not None else None,
        link=printable(run.link) if run.link is not None else None,
    )
