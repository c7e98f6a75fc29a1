"""Training with the interface before it, and what becomes of it when that is left, fails, or loses its terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui_vae.app.interpreter import SwitchInterval
from tui_vae.app.output_capture import StrayOutput
from tui_vae.app.preferences import PreferencesFile
from tui_vae.app.run_library import Library
from tui_vae.app.signals import StopSignals
from tui_vae.app.terminal_loss import Terminal
from tui_vae.charts.drawer import Drawer
from tui_vae.config import DisplayConfig, TrainConfig
from tui_vae.errors import ExitCode, TuiVaeError
from tui_vae.machine.sampler import Sampler
from tui_vae.tui import Leave, MonitorApp
from tui_vae.view.notifications import Notifier
from tui_vae.view.state import ModelState, RunState
from tui_vae.view.terminal_probe import Graphics

if TYPE_CHECKING:
    from tui_vae.app.session import Session

OpenRun = Callable[[Callable[[str], None]], "Session"]
"""Open a run and start its training; calls its argument with what it is waiting for."""

SECONDS_TO_LEAVE = 5.0
"""An interface that has not ended so long after it was asked to is waiting for a terminal that does not read."""


def train_in_interface(
    open_run: OpenRun,
    config: TrainConfig,
    runs_dir: Path,
    display: DisplayConfig,
    signals: StopSignals,
    graphics: Graphics,
    *,
    ascii_only: bool,
) -> int:
    """Train with the interface; returns the exit code of the process.

    ``open_run`` is called in a worker thread; ``config`` is shown until the run has its own.
    """
    opening = _Opening(open_run)
    terminal = Terminal()
    interval = SwitchInterval()
    announce = Notifier(display.notify, os.environ, ascii_only=ascii_only)
    known = RunState(config=config.to_json(), models={spec.name: ModelState(spec.name) for spec in config.models})
    with StrayOutput() as stray:
        app = MonitorApp(
            opening,
            state=known,
            drawer=Drawer(lambda why: _warn(why, opening.session, app)),
            ascii_only=ascii_only,
            graphics=graphics,
            fps=display.fps,
            stray=stray.take,
            stalled=lambda: _stalled(stray, interval),
            answers=interval.set_answering,
            suspended=lambda: interval.set_drawing(False),
            library=Library(runs_dir),
            machine=Sampler(),
            preferences=PreferencesFile(display.theme),
            announce=announce,
        )
        left = _answer_for(app, opening, signals, terminal)
        leave = app.run()
        left.set()
        interval.set_drawing(False)
        remains = stray.take()
    if remains:
        sys.stderr.write(f"{remains}\n")
    if terminal.lost:
        opening.wait()
        leave = Leave.HEADLESS
    if app.error is not None:
        raise app.error
    if opening.session is None:
        # Torch is still being imported by a thread that nothing can end; no file has been touched yet.
        sys.stderr.write("tui-vae: stopped before training began\n")
        sys.stderr.flush()
        os._exit(ExitCode.STOPPED)
    signals.forward_to(opening.session.stop)
    terminal.when_lost(opening.session.detach)
    if leave is None:
        # Textual has printed what went wrong. The run is worth more than its display.
        print("tui-vae: the interface failed; training goes on without it", file=sys.stderr)
        leave = Leave.HEADLESS
    return _after(leave, opening.session, app.first_state, display, terminal, announce)


def _warn(text: str, session: Session | None, app: MonitorApp) -> None:
    """Log a warning, which the interface shows; where there is no log yet, let it show the warning alone."""
    if session is not None:
        session.warn(text)
    else:
        app.call_later(app.warn, text)


def _stalled(stray: StrayOutput, interval: SwitchInterval) -> bool:
    """Whether the terminal does not read, so that nothing is drawn."""
    stalled = stray.stalled()
    interval.set_drawing(not stalled)
    return stalled


class _Opening:
    """Opens a run for the interface, and lets others wait for the outcome."""

    def __init__(self, open_run: OpenRun) -> None:
        self._open = open_run
        self._done = threading.Event()
        self.session: Session | None = None

    def __call__(self, report: Callable[[str], None]) -> Session:
        try:
            self.session = self._open(report)
            return self.session
        finally:
            self._done.set()

    def wait(self) -> None:
        self._done.wait()


def _answer_for(app: MonitorApp, opening: _Opening, signals: StopSignals, terminal: Terminal) -> threading.Event:
    """Let signals and the loss of the terminal end the interface; to be set when it has."""
    left = threading.Event()

    def stop(name: str) -> None:
        if opening.session is not None:
            opening.session.stop(f"by {name}")
            _end_without(left, opening.session)
        app.request_stop(name)

    def lost(reason: str) -> None:
        if opening.session is not None:
            opening.session.detach(reason)
            _end_without(left, opening.session)
        app.request_leave(Leave.HEADLESS)

    signals.answer, signals.hung_up = stop, terminal.lose
    terminal.when_lost(lost)
    terminal.watch()
    return left


def _end_without(left: threading.Event, session: Session) -> None:
    """End the process when the run has ended, should the interface not be left by then."""

    def end() -> None:
        if not left.wait(SECONDS_TO_LEAVE):
            session.wait_unseen()
            try:
                code = session.close()
            except TuiVaeError as error:
                code = error.exit_code
            if not left.is_set():
                os._exit(code)

    threading.Thread(target=end, name="end without the interface", daemon=True).start()


def _after(
    leave: Leave,
    session: Session,
    state: RunState,
    display: DisplayConfig,
    terminal: Terminal,
    announce: Notifier,
) -> int:
    """What comes after the interface was left."""
    if leave is Leave.STOP:
        session.stop("by the user")
    for name, model in state.models.items():
        if model.status == "paused" and leave is Leave.HEADLESS:
            session.resume(name)  # nothing there could do it later
    if not terminal.unseen:
        from tui_vae.headless import follow, make_output  # noqa: PLC0415 - only here, and Rich's share of it is slow

        output = make_output(display if leave is Leave.HEADLESS else _quiet(display))
        follow(session, output, state=state, unseen=lambda: terminal.unseen, announce=announce)
    session.wait_unseen()
    code = session.close()
    if terminal.lost:
        os._exit(code)  # not to wait for threads of the library, should one of them still wait for the terminal
    return code


def _quiet(display: DisplayConfig) -> DisplayConfig:
    return DisplayConfig(no_ui=True, quiet=True, ascii=display.ascii, color=display.color, fps=display.fps)
