"""Run directories with a log, as a training process would have left them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.events import DataSummary, Epoch, Event, ModelResult, RunFinished, RunStarted, RunStatus, State, encode
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import folder_name

CONFIG = TrainConfig(models=(ModelSpec("baseline"), ModelSpec("deep", (512, 256))), epochs=7)


def stored_run(
    runs_dir: Path, name: str = "otter", events: Iterable[Event] = (), *, at: str = "20260101-000000"
) -> RunDirectory:
    run = RunDirectory(runs_dir / f"{at}-{folder_name(name)}", name)
    run.path.mkdir(parents=True)
    run.config.write_text(json.dumps(CONFIG.to_json()), encoding="utf-8")
    run.log.write_text("".join(f"{encode(event)}\n" for event in events), encoding="utf-8")
    return run


def began(name: str = "otter", t: float = 1000.0) -> RunStarted:
    data = DataSummary("mnist", 55_000, 5_000, "00" * 32)
    return RunStarted(t=t, name=name, config=CONFIG.to_json(), versions={}, device="cpu", data=data)


def held_out(model: str, epoch: int, elbo: float) -> Epoch:
    return Epoch(
        model=model,
        epoch=epoch,
        split="held_out",
        elbo=elbo,
        reconstruction=elbo + 50,
        kl=50.0,
        kl_per_latent=(1.0,),
        active_units=1,
        sigma=0.2,
        seconds=1.0,
    )


def ended(status: RunStatus = "finished", elbo: float = 285.0) -> list[Event]:
    results = tuple(
        ModelResult(spec.name, status, 7, elbo + index, None, None, None, None, None, 1.0)
        for index, spec in enumerate(CONFIG.models)
    )
    return [
        *(State(model=spec.name, state=status) for spec in CONFIG.models),
        RunFinished(status=status, models=results),
    ]
