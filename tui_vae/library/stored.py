"""Stored runs for a script or a notebook: their curves as plain columns, and their models as torch modules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_vae.codec import to_builtins
from tui_vae.config import StoreConfig
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.export.columns import Table, read_tables
from tui_vae.run_status import ListState
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import options_of_own_loop
from tui_vae.run_store.find import find_run
from tui_vae.run_store.resume import config_of
from tui_vae.run_store.summary import list_runs, summarise_all
from tui_vae.run_store.tail import LogTail

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tui_vae.model import VAE

Where = str | os.PathLike[str]


class Run:
    """A stored run. What it holds is read when it is asked for, and then kept: :func:`read` again for what is new.

    Attributes:
        name: Its name.
        path: Its directory.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self.name = directory.name
        self.path = directory.path

    def __repr__(self) -> str:
        return f"<tui_vae.Run {self.name!r} in {str(self.path)!r}>"

    @property
    def state(self) -> ListState:
        """What it is doing now, such as ``running`` or ``finished``."""
        (summary,) = summarise_all([self._directory])
        return summary.state

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its options as JSON values, with every ``auto`` resolved; of a run by ``tui_vae.Log`` what that was given.

        Raises:
            RunStoreError: They cannot be read.
        """
        own = options_of_own_loop(self._directory)
        return own if own is not None else config_of(self._directory)[0].to_json()

    @property
    def models(self) -> tuple[str, ...]:
        """The names of its models."""
        return tuple(model["name"] for model in self.config["models"])

    @property
    def progress(self) -> Table:
        """The training loss and its parts, at most 20 rows a second: columns of equal length for ``pandas.DataFrame``.

        NumPy arrays: ``run``, ``model``, ``epoch``, ``step``, ``steps``, ``time`` (UTC), ``loss``, ``loss_min``,
        ``loss_max``, ``reconstruction``, ``kl`` (nats per image) and ``images_per_second``.
        """
        return self._tables["progress"]

    @property
    def epochs(self) -> Table:
        """What was measured after each epoch, a row for each ``split``: as :attr:`progress`.

        ``elbo``, ``reconstruction`` and ``kl`` are in nats per image; ``kl_per_latent`` has an array ``(zdim,)`` a row.
        """
        return self._tables["epochs"]

    @property
    def evaluation(self) -> Table:
        """What evaluations measured, a row for each ``metric`` of each model with its interval; as :attr:`progress`."""
        return self._tables["evaluation"]

    def events(self) -> Iterator[dict[str, Any]]:
        """The events of its log as plain values, as ``tui-vae watch --json`` gives them.

        Raises:
            RunStoreError: The log cannot be read.
        """
        for portion in LogTail(self._directory.log, merge=False).portions():
            for event in portion:
                yield {"event": event.event} | to_builtins(event)

    def load(self, model: str, **options: Any) -> VAE:
        """Load a model of it: :func:`load`."""
        return load(self.path, model, **options)

    @cached_property
    def _tables(self) -> Mapping[str, Table]:
        return read_tables(self._directory)


def runs(runs_dir: Where | None = None) -> list[Run]:
    """List the stored runs, newest first.

    Args:
        runs_dir: Where runs are kept; by default ``$TUI_VAE_RUNS``, or ``runs``.

    Raises:
        RunStoreError: The directory cannot be read.
    """
    return [Run(RunDirectory(Path(found.key), found.name)) for found in list_runs(folder_of(runs_dir))]


def read(run: Where, *, runs_dir: Where | None = None) -> Run:
    """Find a stored run.

    Args:
        run: Its name, its path, or ``latest``.
        runs_dir: As for :func:`runs`.

    Raises:
        RunStoreError: There is none.
    """
    return Run(find_run(folder_of(runs_dir), os.fspath(run)))


def load(
    run: Where,
    model: str,
    *,
    runs_dir: Where | None = None,
    networks: Sequence[nn.Module] | None = None,
    trust: bool = False,
    device: torch.device | str = "cpu",
) -> VAE:
    """Load a model with the weights of its newest checkpoint, in evaluation mode and without gradients.

    Args:
        run: A run's name, its path, or ``latest``.
        model: The name of the model.
        runs_dir: As for :func:`runs`.
        networks: Encoder and decoder of a model that :func:`tui_vae.train` was given as modules; they get the weights.
        trust: Whether the source of networks of your own may be executed as the run keeps it. Without, the original
            file is, if it is unchanged and you have trained with it on this account.
        device: Where the model is to be.

    Returns:
        A ``torch.nn.Module`` with ``encode``, ``decode``, ``sample`` and ``elbo``.

    Raises:
        RunStoreError: The run or its checkpoints cannot be read, or there is none yet.
        UsageError: There is no such model, or its code may not be executed.
        EvaluationError: Weights are not finite.
    """
    from tui_vae.app.model_loader import load_model  # noqa: PLC0415 - torch, only where it is needed
    from tui_vae.library.pairs import builder_of_modules  # noqa: PLC0415

    found = find_run(folder_of(runs_dir), os.fspath(run))
    config, _ = config_of(found)
    spec = next((spec for spec in config.models if spec.name == model), None)
    if spec is None:
        raise UsageError(f"{found.name} has no model {model}; it has {', '.join(spec.name for spec in config.models)}")
    build = None if networks is None else builder_of_modules(spec, config, tuple(networks))
    loaded = load_model(found, spec, config, trust=trust, build=build)
    if loaded is None:
        raise RunStoreError(f"{model} of {found.name} has no checkpoint yet; one is saved at every epoch")
    return loaded.vae.requires_grad_(False).to(device)


def folder_of(runs_dir: Where | None) -> Path:
    """Directory of the runs."""
    return Path(runs_dir if runs_dir is not None else os.environ.get("TUI_VAE_RUNS") or StoreConfig().runs_dir)
