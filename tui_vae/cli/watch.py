"""``tui-vae watch``: the front ends on a run of another process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tui_vae.app.graphics import query_terminal
from tui_vae.app.interpreter import gc_paused
from tui_vae.app.run_library import Library
from tui_vae.app.signals import StopSignals
from tui_vae.app.study.planning import SECONDS_BETWEEN_LOOKS, StudyFollower
from tui_vae.app.terminal import TerminalWatch, own_terminal, prepare_output, usable_terminal
from tui_vae.app.watch_source import WatchSource
from tui_vae.config import DisplayConfig
from tui_vae.errors import ExitCode, RunStoreError, TuiVaeError, UsageError
from tui_vae.run_store.find import find_run
from tui_vae.run_store.study import StudyDirectory, find_study
from tui_vae.view.notifications import Notifier
from tui_vae.view.sanitize import printable
from tui_vae.view.state import RunState
from tui_vae.view.status_text import run_status, status_warning


def watch_run(
    text: str, runs_dir: Path, display: DisplayConfig, *, control: bool, trust: bool, signals: StopSignals
) -> int:
    """Show a run, or a study, in the front end that fits; returns the exit code of the process.

    ``trust`` lets the explorer and evaluations execute the sources of networks that runs keep.

    Raises:
        UsageError: ``control`` without the interface.
        RunStoreError: There is no such run, or it cannot be read.
    """
    study = find_study(runs_dir, text)
    ascii_only = prepare_output(display)
    with_interface = not display.no_ui and usable_terminal()
    if study is not None:
        if control:
            raise UsageError("--control is for a run; in the interface of a study S stops trials")
        _end_with_terminal()
        if with_interface:
            library = Library(runs_dir, trust=trust)
            key = str(study.path)
            return _in_interface(None, RunState(), library, display, signals, ascii_only=ascii_only, study=key)
        return _study_as_text(study, display, signals)
    run = find_run(runs_dir, text)
    if control and not with_interface:
        raise UsageError("--control needs the interface, which needs a terminal; omit it to watch as text")
    source = WatchSource(run, control=control, as_logged=display.json, trust=trust)
    _end_with_terminal()
    try:
        if with_interface:
            source.start()
            known = RunState(name=printable(run.name))
            library = Library(runs_dir, trust=trust)
            return _in_interface(source, known, library, display, signals, ascii_only=ascii_only)
        if not display.no_ui:
            print("tui-vae: no terminal for the interface here; watching without it, as --no-ui does", file=sys.stderr)
        return _as_text(source, printable(run.name), display, signals, ascii_only=ascii_only)
    finally:
        source.close()


def open_library(runs_dir: Path, display: DisplayConfig, signals: StopSignals, *, trust: bool) -> int:
    """Show the runs in the interface, for the user to choose one; returns the exit code of the process.

    Raises:
        UsageError: There is no terminal.
    """
    ascii_only = prepare_output(display)
    if not usable_terminal():
        raise UsageError("--open needs a terminal for the interface; without --open the runs are printed")
    _end_with_terminal()
    return _in_interface(None, RunState(), Library(runs_dir, trust=trust), display, signals, ascii_only=ascii_only)


def _end_with_terminal() -> None:
    """End the process when the terminal is lost: nothing is lost with a watcher."""
    terminal = TerminalWatch()
    terminal.on_lost(lambda reason: os._exit(ExitCode.STOPPED))
    terminal.watch()


def _in_interface(
    source: WatchSource | None,
    known: RunState,
    library: Library,
    display: DisplayConfig,
    signals: StopSignals,
    *,
    ascii_only: bool,
    study: str | None = None,
) -> int:
    with query_terminal(display.graphics, ascii_only=ascii_only) as query, gc_paused():
        from tui_vae.app.interface import watch_in_interface  # noqa: PLC0415 - Textual, which no text output loads
    return watch_in_interface(
        source, known, library, display, signals, query.graphics, ascii_only=ascii_only, study=study
    )


def _as_text(source: WatchSource, name: str, display: DisplayConfig, signals: StopSignals, *, ascii_only: bool) -> int:
    from tui_vae.headless import follow, make_output  # noqa: PLC0415 - Rich, which the interface does without

    output = make_output(display, in_place=own_terminal())
    signals.answer = signals.interrupt
    source.start()
    try:
        state = follow(source, output, announce=Notifier(display.notify, os.environ, ascii_only=ascii_only))
    except KeyboardInterrupt:
        output.leave()
        return ExitCode.STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has left: drop what is buffered
        return ExitCode.OK
    except OSError as error:
        raise TuiVaeError(f"the output cannot be written ({error.strerror})") from error
    if state.started_at is None and source.trouble is not None:
        raise RunStoreError(source.trouble)
    warning = status_warning(state, source.writer_status(), name)
    if warning is not None and source.writer_status().deleted:
        raise RunStoreError(warning)
    if warning is not None:
        sys.stderr.write(f"tui-vae: {warning}\n")
    codes = {"finished": ExitCode.OK, "stopped": ExitCode.STOPPED}
    return codes.get(run_status(state, source.writer_status()), ExitCode.MODEL_FAILED)


def _study_as_text(directory: StudyDirectory, display: DisplayConfig, signals: StopSignals) -> int:
    """Follow a study until all of its trials are finished, or no process runs it."""
    from tui_vae.headless.study import make_study_output  # noqa: PLC0415 - Rich

    output = make_study_output(display, in_place=own_terminal())
    signals.answer = signals.interrupt
    follower = StudyFollower(directory)
    try:
        output.begin(follower.study, follower.rows, follower.at_once)
        while not follower.over:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            output.show(follower.look(), follower.rows)
        output.finish(follower.rows, printable(str(directory.path)))
    except KeyboardInterrupt:
        return ExitCode.STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has left: drop what is buffered
        return ExitCode.OK
    finally:
        output.leave()
    if all(row.state == "finished" for row in follower.rows):
        return ExitCode.OK
    name = printable(directory.name)
    sys.stderr.write(f"tui-vae: no process runs the study {name}; continue it with: tui-vae study {name}\n")
    return ExitCode.MODEL_FAILED if any(row.state == "failed" for row in follower.rows) else ExitCode.STOPPED
