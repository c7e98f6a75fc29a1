"""What keys ask of training: pause, checkpoint, evaluate, change, stop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from textual.app import App

from tui_vae.config import Change, ChangeKind
from tui_vae.errors import TuiVaeError
from tui_vae.run_status import ListedRun
from tui_vae.tui.background import run_in_thread
from tui_vae.tui.run_tracker import RunTracker
from tui_vae.tui.screens.dialogs import ChangeScreen, Leave, LeaveStartedScreen, StopScreen
from tui_vae.view.run_source import RunLibrary, RunSource
from tui_vae.view.status_text import NO_WEIGHTS

_SECONDS_TO_ANSWER = 0.1
"""Trainers answer after a step; the next redraw may come later than a key should be answered."""


class TrainingActions:
    """Passes requests to the run that is shown, and notifies the user where one is refused.

    Args:
        app: Shows dialogs and notifications.
        runs: Knows which run is shown.
        refresh: Shows what has changed.
    """

    def __init__(self, app: App[Any], runs: RunTracker, refresh: Callable[[], object]) -> None:
        self._app = app
        self._runs = runs
        self._refresh = refresh

    def pause(self, names: Sequence[str]) -> None:
        """Pause these models, or resume them when none of them is running."""
        source = self._controlled()
        if source is None:
            return
        models = [self._runs.state.models[name] for name in names]
        running = [model.name for model in models if model.status in (None, "running")]  # also before its first step
        paused = [model.name for model in models if model.status == "paused"]
        for name in running:
            source.pause(name)
        for name in paused if not running else ():
            source.resume(name)
        if not running and not paused:
            self._app.notify("no model is training", timeout=2)
        self._refresh_soon()

    def checkpoint(self) -> None:
        """Save every model that trains."""
        source = self._controlled()
        if source is None or self._has_no_weights():
            return
        names = self._training()
        for name in names:
            source.checkpoint(name)
        self._app.notify("saving every model" if names else "no model is training", timeout=2)
        self._refresh_soon()

    def evaluate(self, where: str) -> None:
        """Evaluate the newest weights; ``where`` says where the results are shown."""
        if self._runs.source is not None and not self._has_no_weights():
            self._notify(self._runs.source.evaluate() or f"evaluating now{where}")
            self._refresh_soon()

    def change(self, kind: ChangeKind, name: str) -> None:
        """Ask for the epochs to add to a model, or for its learning rate."""
        if self._controlled() is None or self._has_no_weights():
            return
        state = self._runs.state
        if state.models[name].ended:
            self._notify(f"{name} has ended; to train it on, resume the run with more --epochs")
        elif not isinstance(self._app.screen, ChangeScreen):
            self._app.push_screen(ChangeScreen(kind, state.models[name], state), partial(self._changed, name))

    def _changed(self, name: str, change: Change | None) -> None:
        if change is not None and self._runs.source is not None:
            self._notify(self._runs.source.change(name, change) or f"{name}: {change}")
            self._refresh_soon()

    def stop(self, selected: str | None) -> None:
        """Stop the selected model or all, after asking."""
        if self._controlled() is None:
            return
        state = self._runs.state
        if state.status is not None:
            self._app.notify("no model is training", timeout=2)
        elif not isinstance(self._app.screen, StopScreen):
            training = self._training()
            one = selected if len(training) > 1 and selected in training and not state.own_loop else None
            self._app.push_screen(StopScreen(state, one), partial(self._stopped, one))

    def _stopped(self, one: str | None, wanted: str | None) -> None:
        if wanted is not None and self._runs.source is not None:
            self._runs.source.stop("by the user", one if wanted == "one" else None)
            self._refresh_soon()

    def _training(self) -> list[str]:
        return [name for name, model in self._runs.state.models.items() if not model.ended]

    def _has_no_weights(self) -> bool:
        """Return whether a loop of the user's own writes the run; notify the user if so."""
        if self._runs.state.own_loop:
            self._notify(NO_WEIGHTS)
        return self._runs.state.own_loop

    def _controlled(self) -> RunSource | None:
        """Return the run if it can be controlled from here; notify the user if not."""
        source = self._runs.source
        if source is not None and source.cannot_control is not None:
            self._notify(source.cannot_control)
            return None
        return source

    def _notify(self, text: str) -> None:
        self._app.notify(text, timeout=5, markup=False)

    def _refresh_soon(self) -> None:
        self._app.set_timer(_SECONDS_TO_ANSWER, self._refresh)


def ask_about_started(app: App[Leave], library: RunLibrary, keys: Collection[str]) -> None:
    """Leave; if some of these runs still train, in processes of their own, ask first what becomes of them."""

    def training() -> list[ListedRun]:
        found = []
        for key in sorted(keys):
            with contextlib.suppress(TuiVaeError):  # one that is gone trains no more
                found.append(library.look(key))
        return [run for run in found if run.live]

    def ask(runs: list[ListedRun]) -> None:
        if not runs:
            app.exit(Leave.DONE)
        elif not isinstance(app.screen, LeaveStartedScreen):
            app.push_screen(LeaveStartedScreen([run.name for run in runs]), lambda chosen: answered(chosen, runs))

    def answered(chosen: str | None, runs: list[ListedRun]) -> None:
        if chosen == "leave":
            app.exit(Leave.DONE)
        elif chosen == "stop":
            run_in_thread(app, lambda: stop(runs), lambda _: app.exit(Leave.DONE), failed)

    def stop(runs: list[ListedRun]) -> None:
        for run in runs:
            library.stop(run.key)

    def failed(why: str) -> None:
        app.notify(why, severity="error", timeout=10, markup=False)

    run_in_thread(app, training, ask, failed)
