"""Changes of a run from this and another process: logged, and restored when the run is resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tui_vae.app.run_setup import prepare
from tui_vae.app.session import Session
from tui_vae.config import Change, ModelSpec, StoreConfig, TrainConfig
from tui_vae.errors import ExitCode, NothingLeftError
from tui_vae.events import Action, Event, Request, Schedule
from tui_vae.run_store.find import find_run
from tui_vae.run_store.manifest import manifest, read_manifest
from tui_vae.run_store.requests import send_request
from tui_vae.run_store.resume import acquire
from tui_vae.view.state import RunState, reduce_all

CONFIG = TrainConfig(
    models=(ModelSpec("small"),),
    zdim=2,
    train_size=200,
    val_size=100,
    epochs=2,
    threads=1,
    device="cpu",
    no_evaluate=True,
)
PATIENCE = 60.0


class Steered:
    """A session and its events."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.run = find_run(Path(session.directory()).parent, session.directory())
        self.events: list[Event] = []

    def until(self, condition: Callable[[list[Event]], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition(self.events):
            assert time.monotonic() < end, f"waited in vain; got: {self.events}"
            self.events += self.session.poll()
            time.sleep(0.01)

    def ask(self, action: Action, model: str | None, value: float | None) -> str | None:
        """What another process is answered."""
        id = send_request(self.run, action, model, value)
        self.until(lambda events: any(isinstance(event, Request) and event.id == id for event in events))
        return next(event.refused for event in self.events if isinstance(event, Request) and event.id == id)


def paused(tmp_path: Path) -> Steered:
    """A run whose model was paused before its first step."""
    preparation = prepare(CONFIG, lambda text: None)
    original = Session.start

    def start(session: Session) -> None:
        session.pause("small")
        original(session)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "start", start)
        return Steered(preparation.start(StoreConfig(runs_dir=str(tmp_path))))


def test_epochs_and_rate_are_changed_from_both_sides_and_kept(tmp_path: Path) -> None:
    steered = paused(tmp_path)
    assert steered.session.change("small", Change("add_epochs", 1)) is None
    assert steered.ask("set_learning_rate", "small", 1e-3) is None
    assert steered.ask("set_learning_rate", None, -1.0) == "the learning rate is a finite number above 0, not -1"
    assert steered.ask("add_epochs", "small", None) == "add_epochs without a value"
    assert steered.ask("add_epochs", "small", 1.5) == "epochs to add: a whole number from 1 to 1,000,000, not 1.5"
    assert steered.ask("add_epochs", "large", 1.0) == "no model named large"
    steered.until(lambda events: sum(isinstance(event, Schedule) for event in events) == 2)
    state = reduce_all(RunState(), steered.events)
    model = state.models["small"]
    assert (state.epochs_of(model), state.lr_of(model), model.status, state.epochs) == (3, 1e-3, "paused", 2)
    texts = [line.text for line in state.log]
    assert "schedule from step 0 on: 3 epochs, learning rate 0.002, by the user" in texts
    assert any(text.startswith("learning rate 0.001 of small asked by ") and text.endswith(": done") for text in texts)
    steered.session.resume("small")
    assert steered.session.close() == ExitCode.OK
    assert steered.session.change("small", Change("add_epochs", 1)) == (
        "small has ended; to train it on, resume the run with more --epochs"
    )
    stored = acquire(steered.run)
    try:
        with pytest.raises(NothingLeftError, match="every model has had its 3 epochs"):
            stored.check_unfinished(stored.config)
        stored.check_unfinished(stored.config.continued({"epochs": 4}))
        with pytest.raises(NothingLeftError, match="had its 3 epochs"):
            stored.check_unfinished(stored.config.continued({"epochs": 2}))
    finally:
        stored.lease.release()


def test_a_run_that_was_stopped_early_is_resumed_only_with_more_patience(tmp_path: Path) -> None:
    steered = paused(tmp_path)
    steered.session.resume("small")
    assert steered.session.close() == ExitCode.OK
    stored = acquire(steered.run)
    try:
        config = stored.config.continued({"epochs": 9, "patience": 1})
        stored.check_unfinished(config)
        folder = steered.run.checkpoints("small")
        known = read_manifest(folder / "latest.json")
        assert (known.course["epoch"], known.course["best_epoch"]) == (2, 2)
        files = {ending: (folder / f"latest{ending}").read_bytes() for ending in known.files}
        (folder / "latest.json").write_bytes(manifest(known.course | {"epoch": 4}, files))
        with pytest.raises(NothingLeftError, match="stopped early; to train on, give more with --patience"):
            stored.check_unfinished(config)
        stored.check_unfinished(config.continued({"patience": 3}))
        stored.check_unfinished(config.continued({"patience": 0}))
    finally:
        stored.lease.release()
