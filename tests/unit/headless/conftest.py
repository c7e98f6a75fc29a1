"""A run without training: a scripted source, and consoles that write into memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from rich.console import Console

from tui_vae.events import (
    DataSummary,
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    Notice,
    Parameters,
    PpcaOptimum,
    Progress,
    RunFinished,
    RunStarted,
    State,
)
from tui_vae.run_status import WriterStatus
from tui_vae.view.state import RunState, reduce_all


class ScriptedSource:
    """A run source that hands out one batch of events at each look."""

    own = True
    cannot_control: str | None = None
    restarted = False

    def __init__(self, batches: Sequence[Sequence[Event]], directory: str) -> None:
        self._batches = list(batches)
        self._directory = directory
        self.looks = 0
        self.sightings: dict[int, WriterStatus] = {}

    def poll(self) -> Sequence[Event]:
        return self._batches[self.looks - 1]

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.looks += 1
        return self.looks == len(self._batches)

    def writer_status(self) -> WriterStatus:
        return self.sightings.get(self.looks, WriterStatus("live"))

    def picture(self, file: str) -> None:
        return None

    def directory(self) -> str:
        return self._directory

    def pause(self, model: str) -> None: ...

    def resume(self, model: str) -> None: ...

    def checkpoint(self, model: str) -> None: ...

    def stop(self, reason: str) -> None: ...


def _result(name: str, number: int, failed: bool) -> ModelResult:
    if failed:
        return ModelResult(name, "failed", 0, None, None, None, None, None, None, 7.0)
    return ModelResult(
        model=name,
        state="finished",
        epochs=20 + number,
        elbo=-(300.25 + number),
        reconstruction=-(250.5 + number),
        kl=49.75,
        active_units=10 + number,
        parameters=Parameters(540_000 + number, 12_500_000 + number, 13_040_000 + 2 * number),
        limit=-(299.0 + number) if number == 0 else None,
        seconds=3723.0 + number,
    )


@pytest.fixture(scope="session")
def run_events() -> Callable[..., list[Event]]:
    """Makes the events of a run of models with the names given; the one called ``failing`` fails."""

    def make(*names: str, failing: str | None = None, run: str = "quiet-otter") -> list[Event]:
        config = {"models": [{"name": n, "hidden": []} for n in names], "epochs": 20, "sigma": 0.2, "zdim": 32}
        data = DataSummary("mnist", 55_000, 5_000, "00" * 32)
        events: list[Event] = [
            RunStarted(t=100.0, name=run, config=config, versions={}, device="cpu", data=data),
            Notice(t=100.0, level="warning", text="[red]careful[/red] :warning: in /tmp/:cat:/runs"),
        ]
        limit = PpcaOptimum(train=1.0, held_out=2.0, sigma=0.2, kl_per_latent=(1.0,))
        for name in names:
            parameters = Parameters(1, 2, 3)
            events += [
                ModelStarted(t=101.0, model=name, hidden=(), parameters=parameters, resumed_at_step=None, limit=limit),
                State(t=101.0, model=name, state="running"),
                Progress(
                    t=161.0,
                    model=name,
                    epoch=1,
                    step=10,
                    steps=20,
                    loss=1.0,
                    loss_min=1.0,
                    loss_max=1.0,
                    reconstruction=-1.0,
                    kl=0.0,
                    images_per_second=1.0,
                ),
                State(t=162.0, model=name, state="failed", reason="the loss became [nan]")
                if name == failing
                else State(t=162.0, model=name, state="finished"),
            ]
            if name != failing:
                held_out = Epoch(
                    t=161.5,
                    model=name,
                    epoch=1,
                    split="held_out",
                    elbo=-300.25,
                    reconstruction=-250.5,
                    kl=49.75,
                    kl_per_latent=(49.75,),
                    active_units=1,
                    sigma=0.2,
                    seconds=3.0,
                )
                events.insert(-1, held_out)
        results = tuple(_result(name, number, name == failing) for number, name in enumerate(names))
        status = "failed" if failing else "finished"
        return [*events, RunFinished(t=170.0, status=status, models=results)]

    return make


@pytest.fixture
def source() -> Callable[..., ScriptedSource]:
    """Makes a source of the events given, a few at each look."""

    def make(events: Sequence[Event], directory: str = "runs/quiet-otter") -> ScriptedSource:
        return ScriptedSource([events[i : i + 3] for i in range(0, len(events), 3)], directory)

    return make


@pytest.fixture
def final_state(run_events: Callable[..., list[Event]]) -> Callable[..., RunState]:
    """Makes the last state of such a run."""
    return lambda *names, **options: reduce_all(RunState(), run_events(*names, **options))


@pytest.fixture
def console() -> Callable[..., Console]:
    """Makes a console that writes into memory."""

    def make(width: int = 200, terminal: bool = False) -> Console:
        return Console(file=io.StringIO(), width=width, height=50, force_terminal=terminal, highlight=False)

    return make
