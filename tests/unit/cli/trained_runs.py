"""Runs that were really trained, on few images and in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.short_chains import short_chains
from tui_vae.app.run_setup import prepare
from tui_vae.config import ModelSpec, StoreConfig, TrainConfig
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import config_file, read_config
from tui_vae.run_store.find import find_run

LINEAR, DEEP = ModelSpec("linear"), ModelSpec("deep", (16,))


def small_config(**options: Any) -> TrainConfig:
    """Of two tiny models, trained for an epoch of a few steps."""
    small = {
        "models": (LINEAR, DEEP),
        "zdim": 4,
        "sigma": 0.5,
        "epochs": 1,
        "train_size": 256,
        "val_size": 100,
        "threads": 1,
    }
    return TrainConfig(**(small | {"device": "cpu", "precision": "fp32"} | options))


def trained_run(runs_dir: Path, name: str, **options: Any) -> RunDirectory:
    """A run, trained to its end and not evaluated."""
    store = StoreConfig(runs_dir=str(runs_dir), name=name)
    with short_chains():
        session = prepare(small_config(no_evaluate=True, **options), lambda text: None).start(store)
        assert session.close() == 0
    return find_run(runs_dir, name)


def set_config(run: RunDirectory, **fields: Any) -> None:
    """Store other options with a run, as if it had been started with them."""
    run.config.write_bytes(config_file(replace(read_config(run), **fields)))
