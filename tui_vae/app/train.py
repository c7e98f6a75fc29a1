"""Train in the front end that fits: choose it, start or resume the run, and return the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_vae.app.graphics import query_terminal
from tui_vae.app.interpreter import gc_paused
from tui_vae.app.signals import StopSignals, interrupted_by
from tui_vae.app.terminal import TerminalWatch, countdown, own_terminal, prepare_output, usable_terminal
from tui_vae.config import DisplayConfig, StoreConfig, TrainConfig
from tui_vae.view.notifications import Notifier

if TYPE_CHECKING:
    from tui_vae.app.session import Session
    from tui_vae.run_store.resume import StoredRun

Report = Callable[[str], None]
Begin = Callable[[], "Session"]
"""Start training; the run directory is written from here on."""

Prepare = Callable[[Report], Begin]
"""Do everything slow that writes nothing, such as loading torch and the data."""


def run_training(
    train: TrainConfig, typed: Mapping[str, Any], store: StoreConfig, display: DisplayConfig, *, signals: StopSignals
) -> int:
    """Train in the front end that fits; returns the exit code of the process.

    Args:
        train: What to train.
        typed: The fields of ``train`` given by the user: the only ones that override those of a resumed run.
        store: Where the run is kept, or which run is resumed.
        display: Which front end, and how it looks.
        signals: Answered by the run once it trains.
    """
    ascii_only = prepare_output(display)
    if store.resume is None:
        return _train(lambda report: _new(train, store, report), train, store, display, signals, ascii_only)
    stored = _acquire(store, signals)
    try:
        config = stored.config.continued(typed)
        stored.check_unfinished(config)
        allowed = {"trust": store.trust, "typed": "models" in typed}
        return _train(
            lambda report: _resumed(config, stored, report, **allowed), config, store, display, signals, ascii_only
        )
    finally:
        stored.lease.release()


def _train(
    prepare_run: Prepare,
    config: TrainConfig,
    store: StoreConfig,
    display: DisplayConfig,
    signals: StopSignals,
    ascii_only: bool,
) -> int:
    if not display.no_ui:
        if usable_terminal():
            with query_terminal(display.graphics, ascii_only=ascii_only) as query, gc_paused():
                from tui_vae.app.interface import train_in_interface  # noqa: PLC0415 - Textual, only loaded here
            return train_in_interface(
                lambda report: prepare_run(report)(),
                config,
                Path(store.runs_dir),
                display,
                signals,
                query.graphics,
                ascii_only=ascii_only,
            )
        print("tui-vae: no terminal for the interface here; training without it, as --no-ui does", file=sys.stderr)
    return _headless(prepare_run, config, display, signals, ascii_only)


def _acquire(store: StoreConfig, signals: StopSignals) -> StoredRun:
    from tui_vae.run_store.find import find_run  # noqa: PLC0415
    from tui_vae.run_store.resume import acquire  # noqa: PLC0415 - only to continue a run

    assert store.resume is not None
    run = find_run(Path(store.runs_dir), store.resume)
    with interrupted_by(signals), countdown() as waiting:
        return acquire(run, waiting)


def _new(train: TrainConfig, store: StoreConfig, report: Report) -> Begin:
    from tui_vae.run_store.find import check_unused  # noqa: PLC0415 - only for a new run

    check_unused(Path(store.runs_dir), store.name)
    report("loading torch")
    with gc_paused():
        from tui_vae.app.own_networks import load_typed  # noqa: PLC0415
        from tui_vae.app.run_setup import prepare  # noqa: PLC0415 - torch: two seconds

    preparation = prepare(train, report, load_typed(train, report))
    return lambda: preparation.start(store)


def _resumed(config: TrainConfig, stored: StoredRun, report: Report, *, trust: bool, typed: bool) -> Begin:
    report("loading torch")
    with gc_paused():
        from tui_vae.app.own_networks import load_stored  # noqa: PLC0415
        from tui_vae.app.run_setup import prepare  # noqa: PLC0415 - as above

    classes = load_stored(stored.run, config, trust=trust, typed=typed)
    preparation = prepare(config, report, classes)
    report("reading the checkpoints")
    return preparation.continuation(stored)


def _headless(
    prepare_run: Prepare, config: TrainConfig, display: DisplayConfig, signals: StopSignals, ascii_only: bool
) -> int:
    from tui_vae.headless import follow, make_output  # noqa: PLC0415 - no other path needs Rich

    terminal = TerminalWatch()
    signals.on_hangup = terminal.lose
    terminal.watch()
    output = make_output(display, in_place=own_terminal())
    requests: list[str] = []
    with contextlib.ExitStack() as stack:
        try:
            begin = prepare_run(output.report)
            # From the moment there is a run directory, a signal must reach the engine, also if it comes before it.
            signals.answer = requests.append
            stack.enter_context(_prints_of_networks_on_stderr(config))  # before the trainers begin to call them
            session = begin()
        except BaseException:
            output.leave()
            raise
        signals.forward_to(session.stop)
        for name in requests:
            session.stop(f"by {name}")
        terminal.on_lost(session.detach)
        announce = Notifier(display.notify, os.environ, ascii_only=ascii_only)
        follow(session, output, state=session.catch_up(), detached=lambda: terminal.output_lost, announce=announce)
        session.wait_detached()
        return session.close()


def _prints_of_networks_on_stderr(config: TrainConfig) -> contextlib.AbstractContextManager[object]:
    """A context in which code of the user's own prints to stderr: stdout, which the output holds, is for the run."""
    if all(spec.network is None for spec in config.models):
        return contextlib.nullcontext()
    from tui_vae.model.source_code import PrintedToStderr  # noqa: PLC0415 - torch, which is loaded by now

    return contextlib.redirect_stdout(PrintedToStderr())
