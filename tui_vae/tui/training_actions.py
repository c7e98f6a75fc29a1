"""The keys that steer training: what each asks of the run, and what is said when that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import App

from tui_vae.config import Change, ChangeKind
from tui_vae.tui.pages import EvaluationPage, LogPage, Page
from tui_vae.tui.screens.dialogs import ChangeScreen, Leave, StopScreen
from tui_vae.view.evaluation_status import evaluation_alone
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState


class SteeringApp(App[Leave]):
    """An app before a run that may be steered; what it shows, a subclass knows."""

    @property
    def run_state(self) -> RunState:
        """What is known of the run."""
        raise NotImplementedError

    @property
    def source(self) -> RunSource | None:
        """The run, once it is open."""
        raise NotImplementedError

    @property
    def selected(self) -> str | None:
        """The model that keys act on."""
        raise NotImplementedError

    @property
    def page(self) -> Page:
        """The page at hand."""
        raise NotImplementedError

    def take(self) -> None:
        """Take what is new and draw it."""
        raise NotImplementedError

    def action_page(self, name: str) -> None:
        """Turn to another page."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        return self.run_state.status is not None

    def action_pause_model(self) -> None:
        if self.selected is not None:
            self._pause([self.selected])

    def action_pause_all(self) -> None:
        self._pause(list(self.run_state.models))

    def _pause(self, names: list[str]) -> None:
        """Pause the models, or resume them when none of them is running."""
        if self.source is None or not self._in_control(self.source):
            return
        models = [self.run_state.models[name] for name in names]
        running = [model.name for model in models if model.status in (None, "running")]  # also before its first step
        paused = [model.name for model in models if model.status == "paused"]
        for name in running:
            self.source.pause(name)
        for name in paused if not running else ():
            self.source.resume(name)
        if not running and not paused:
            self.notify("no model here is training", timeout=2)
        self._expect_answer()

    def action_checkpoint(self) -> None:
        if self.source is None or not self._in_control(self.source):
            return
        names = [name for name, model in self.run_state.models.items() if not model.ended]
        for name in names:
            self.source.checkpoint(name)
        self.notify("saving every model" if names else "no model is training", timeout=2)
        self._expect_answer()

    def action_evaluate(self) -> None:
        if self.source is None:
            return
        refused = self.source.evaluate()
        where = "" if isinstance(self.page, EvaluationPage) else ": 4 shows it"
        self.notify(refused or f"evaluating now{where}", timeout=5, markup=False)
        self._expect_answer()

    def action_change(self, kind: ChangeKind) -> None:
        """Ask for the epochs to add to the selected model, or for its learning rate."""
        name = self.selected
        if self.source is None or name is None or not self._in_control(self.source):
            return
        model = self.run_state.models[name]
        if model.ended:
            self.notify(f"{name} has ended; to train it on, resume the run with more --epochs", timeout=5, markup=False)
        elif not isinstance(self.screen, ChangeScreen):
            self.push_screen(ChangeScreen(kind, model, self.run_state), partial(self._changed, name))

    def _changed(self, name: str, change: Change | None) -> None:
        if change is None or self.source is None:
            return
        refused = self.source.change(name, change)
        self.notify(refused or f"{name}: {change}", timeout=5, markup=False)
        self._expect_answer()

    def action_search_log(self) -> None:
        self._on_log(LogPage.search)

    def action_log_match(self, direction: int) -> None:
        self._on_log(lambda page: page.go_to_match(direction))

    def _on_log(self, act: Callable[[LogPage], None]) -> None:
        """On the log page, which is turned to from any other."""
        if isinstance(self.page, LogPage):
            act(self.page)
            return
        self.action_page("log")
        page = self.page
        if isinstance(page, LogPage):  # there is none before a run is chosen
            self.call_after_refresh(act, page)

    def action_stop_training(self) -> None:
        if self.source is None or not self._in_control(self.source):
            return
        if self.over:
            self.notify("no model is training", timeout=2)
        elif not isinstance(self.screen, StopScreen):
            going_on = [name for name, model in self.run_state.models.items() if not model.ended]
            one = self.selected if len(going_on) > 1 and self.selected in going_on else None
            self.push_screen(StopScreen(evaluation_alone(self.run_state), one), partial(self._stop, one))

    def _stop(self, one: str | None, wanted: str | None) -> None:
        if wanted is not None and self.source is not None:
            self.source.stop("by the user", one if wanted == "one" else None)
            self._expect_answer()

    def _in_control(self, source: RunSource) -> bool:
        """Whether the run can be steered from here; says how when not."""
        if source.cannot_control is not None:
            self.notify(source.cannot_control, timeout=5, markup=False)
        return source.cannot_control is None

    def _expect_answer(self) -> None:
        # The trainers answer after a step; a key is answered sooner than the next redraw may be.
        self.set_timer(0.1, self.take)
