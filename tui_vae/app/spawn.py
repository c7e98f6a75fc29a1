"""Train in another process, which goes on when this one ends."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO

from tui_vae.app.output_capture import nameless_file
from tui_vae.child_process import python_module
from tui_vae.errors import ExitCode, RunStoreError, TuiVaeError
from tui_vae.runs import RunDirectory
from tui_vae.runs.find import newest_first, runs_in
from tui_vae.runs.heartbeat import writer_pid

_COMMAND = (*python_module("tui_vae"), "--no-ui", "--quiet")

_SECONDS_BETWEEN_LOOKS = 0.1
_MOST_SAID = 4000


class EndedError(TuiVaeError):
    """A process ended before it wrote a run; the message is its own."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said or f"the process that was to train ended at once, with code {code} and without a word")
        self.code = code


def resume_elsewhere(run: RunDirectory) -> None:
    """Resume a run in another process; returns when that process is its writer.

    Raises:
        TuiVaeError: It ended before that.
    """
    _written_by_another(lambda: [run], ["--resume", str(run.path)])


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


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(_MOST_SAID).decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("tui-vae: ") if lines else ""
