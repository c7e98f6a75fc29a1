"""Compare two trainings: weights, optimiser states, positions and every measured number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tui_vae.events import Epoch
from tui_vae.run_store import read_log
from tui_vae.view.state import RunState, reduce_all

_TIMES = ("seconds", "epoch_began", "reported")
_TENSORS = ("latest.safetensors", "latest.optimizer.safetensors", "best.safetensors")


def assert_same_training(run: Path, other: Path) -> None:
    """Assert that two runs are equal bit for bit, except for times."""
    models = sorted(folder.name for folder in (other / "models").iterdir())
    assert sorted(folder.name for folder in (run / "models").iterdir()) == models
    for model in models:
        for file in _TENSORS:
            one, two = (folder / "models" / model / file for folder in (run, other))
            assert one.read_bytes() == two.read_bytes(), f"{model}: {file} differs"
        for file in ("latest.json", "best.json"):
            assert course(run, model, file) == course(other, model, file)
    assert measured(run) == measured(other)
    assert not list((run / "models").rglob(".*.part"))


def course(run: Path, model: str, file: str = "latest.json") -> dict[str, Any]:
    """Return the progress in a checkpoint manifest, without durations."""
    values: dict[str, Any] = json.loads((run / "models" / model / file).read_bytes())["course"]
    return {name: value for name, value in values.items() if name not in _TIMES}


def measured(run: Path) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """Return the measurements of every epoch by model and split."""
    state = reduce_all(RunState(), read_log(run / "events.jsonl"))
    return {
        (name, split): [_numbers(epoch) for epoch in epochs]
        for name, model in state.models.items()
        for split, epochs in (("train", model.train), ("held_out", model.held_out))
    }


def _numbers(e: Epoch) -> tuple[Any, ...]:
    return (e.epoch, e.elbo, e.reconstruction, e.kl, e.kl_per_latent, e.active_units, e.sigma)
