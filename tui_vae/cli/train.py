"""The main job: choose a front end, start the session, and leave with the right exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_vae.cli.signals import StopSignals
from tui_vae.cli.stray import StrayOutput
from tui_vae.cli.terminal import prepare_output, usable_terminal
from tui_vae.config import DisplayConfig, StoreConfig, TrainConfig
from tui_vae.errors import ExitCode
from tui_vae.view.state import ModelState, RunState

if TYPE_CHECKING:
    from tui_vae.cli.session import Session


def run_training(train: TrainConfig, store: StoreConfig, display: DisplayConfig, *, signals: StopSignals) -> int:
    """Train in the front end that fits; returns the exit code of the process."""
    ascii_only = prepare_output(display)
    if display.no_ui:
        return _headless(train, store, display, signals)
    if not usable_terminal():
        print("tui-vae: no terminal for the interface here; training without it, as --no-ui does", file=sys.stderr)
        return _headless(train, store, display, signals)
    return _interface(train, store, display, signals, ascii_only=ascii_only)


def _headless(train: TrainConfig, store: StoreConfig, display: DisplayConfig, signals: StopSignals) -> int:
    from tui_vae.headless import follow, make_output  # noqa: PLC0415 - no other path needs Rich

    output = make_output(display)
    session = _start(train, store, output.report, signals)
    follow(session, output)
    return session.close()


def _interface(
    train: TrainConfig, store: StoreConfig, display: DisplayConfig, signals: StopSignals, *, ascii_only: bool
) -> int:
    from tui_vae.tui import Leave, MonitorApp  # noqa: PLC0415 - Textual, which no headless path loads

    # A trainer asks for Python's lock at every operation. Beside an interface that computes it is to wait half a
    # millisecond at most, not the usual five.
    sys.setswitchinterval(0.0005)
    sessions: list[Session] = []

    def open_source(report: Callable[[str], None]) -> Session:
        session = _start(train, store, report, None)
        sessions.append(session)
        return session

    known = RunState(config=train.to_json(), models={spec.name: ModelState(spec.name) for spec in train.models})
    with StrayOutput() as stray:
        app = MonitorApp(open_source, state=known, ascii_only=ascii_only, fps=display.fps, stray=stray.take)
        signals.answer = app.request_stop
        leave = app.run()
        remains = stray.take()
    if remains:
        sys.stderr.write(f"{remains}\n")
    if app.error is not None:
        raise app.error
    if not sessions:
        # Torch is still being imported by a thread that nothing can end; no file has been touched yet.
        sys.stderr.write("tui-vae: stopped before training began\n")
        sys.stderr.flush()
        os._exit(ExitCode.STOPPED)
    session = sessions[0]
    _stop_on_signal(session, signals)
    if leave is None:
        # Textual has printed what went wrong. The run is worth more than its display.
        print("tui-vae: the interface failed; training goes on without it", file=sys.stderr)
        leave = Leave.HEADLESS
    if leave is Leave.STOP:
        session.stop("by the user")
    for name, model in app.run_state.models.items():
        if model.status == "paused" and leave is Leave.HEADLESS:
            session.resume(name)  # nothing there could do it later
    from tui_vae.headless import follow, make_output  # noqa: PLC0415

    shown = display if leave is Leave.HEADLESS else _quiet(display)
    follow(session, make_output(shown), state=app.run_state)
    return session.close()


def _quiet(display: DisplayConfig) -> DisplayConfig:
    return DisplayConfig(no_ui=True, quiet=True, ascii=display.ascii, color=display.color, fps=display.fps)


def _start(
    train: TrainConfig, store: StoreConfig, report: Callable[[str], None], signals: StopSignals | None
) -> Session:
    report("loading torch")
    from tui_vae.cli.session import prepare  # noqa: PLC0415 - torch: two seconds

    preparation = prepare(train, report)
    # From the moment there is a run directory, a signal must reach the engine, also if it comes before the engine.
    requests: list[str] = []
    if signals is not None:
        signals.answer = requests.append
    session = preparation.start(store)
    if signals is not None:
        _stop_on_signal(session, signals)
    for name in requests:
        session.stop(f"by {name}")
    return session


def _stop_on_signal(session: Session, signals: StopSignals) -> None:
    def answer(name: str) -> None:
        session.stop(f"by {name}")

    signals.answer = answer
