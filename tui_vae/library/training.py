"""Train from a script or a notebook, with networks that are classes or modules of that script."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tui_vae.app.own_networks import load_typed
from tui_vae.app.run_setup import prepare
from tui_vae.config import DisplayConfig, ModelSpec, Network, StoreConfig, TrainConfig
from tui_vae.errors import ExitCode, TrainingError, UsageError
from tui_vae.headless import Output, follow, make_output
from tui_vae.headless.notebook import NotebookOutput, notebook_display
from tui_vae.library.stored import Run, Where, folder_of
from tui_vae.model.network_check import check_networks
from tui_vae.model.own_networks import ModelBuilder
from tui_vae.model.source_code import NetworkClasses, SourceFiles

Part = nn.Module | Callable[[int], nn.Module]
"""A network, or what makes one of so many latents, such as its class."""

Model = str | Sequence[int] | tuple[Part, Part]


def train(
    models: Mapping[str, Model] | None = None,
    *,
    name: str | None = None,
    runs_dir: Where | None = None,
    quiet: bool = False,
    **options: Any,
) -> Run:
    """Train models side by side, show it, and return the run.

    On a terminal the progress is a live view, in Jupyter one output that changes, elsewhere lines. Ctrl-C (or the
    notebook's stop) ends training after a checkpoint and is raised again.

    Args:
        models: By name: hidden widths ``[512, 256]``, a text as for ``--model`` (``"nets.py:Encoder,Decoder"``), or a
            pair of encoder and decoder, each a module or what makes one from the number of latents, such as its class.
            By default ``baseline`` and ``deep``.
        name: Of the run; by default made up.
        runs_dir: As for :func:`tui_vae.runs`.
        quiet: Print problems only.
        **options: Train options by the names of their fields: ``epochs=5, zdim=16, lr=1e-3, device="cuda"``. A pair
            has no source that an evaluation could use, so a run with one is not evaluated at its end.

    Raises:
        UsageError: An option or a network cannot be used.
        DataError: The data set is not available.
        RunStoreError: The run cannot be written.
        TrainingError: A model failed; what was saved before is in the run.
    """
    pairs = {key: model for key, model in (models or {}).items() if _is_pair(model)}
    if pairs:
        options["no_evaluate"] = True
    if models is not None:
        options["models"] = tuple(_spec(key, model) for key, model in models.items())
    try:
        config = TrainConfig(**options)
    except TypeError as error:
        raise UsageError(f"tui_vae.train: {str(error).removeprefix('TrainConfig.__init__() ')}") from None
    output = _output(quiet=quiet)
    classes = dict(load_typed(config, output.report))
    for spec in config.models:
        if spec.network is not None and spec.name in pairs:
            classes[spec.network.unresolved] = _classes_of(spec.network, pairs[spec.name])
    store = StoreConfig(runs_dir=str(folder_of(runs_dir)), name=name)
    session = prepare(config, output.report, classes).start(store)
    try:
        state = follow(session, output, state=session.catch_up())
    except BaseException:
        session.stop("by the script")
        session.wait_detached()
        session.close()
        raise
    code = session.close()
    run = Run(session.run)
    if code == ExitCode.MODEL_FAILED:
        failed = [f"{key}: {model.reason}" for key, model in state.models.items() if model.status == "failed"]
        raise TrainingError(f"{'; '.join(failed)} (kept in {run.path})")
    return run


def builder_of_modules(spec: ModelSpec, config: TrainConfig, pair: tuple[Any, ...]) -> ModelBuilder:
    """What makes a model of a stored run from these modules.

    Raises:
        UsageError: They are not an encoder and a decoder, or are for a model of other networks.
    """
    if spec.network is None or len(pair) != 2:
        raise UsageError(f"networks are an encoder and a decoder, for a model of your own networks; not {spec.name}")
    classes = _classes_of(spec.network, pair)
    checked = check_networks(classes, config.zdim, torch.device("cpu"))
    return ModelBuilder({spec.network.unresolved: checked})


def _is_pair(model: Model) -> bool:
    return isinstance(model, tuple | list) and len(model) == 2 and not any(isinstance(part, int) for part in model)


def _spec(name: str, model: Model) -> ModelSpec:
    if isinstance(model, str):
        return ModelSpec.parse(f"{name}={model}")
    if _is_pair(model):
        encoder, decoder = (_called(part) for part in model)
        return ModelSpec(name, network=Network("", encoder, decoder, sha256=""))
    try:
        return ModelSpec(name, tuple(int(width) for width in model))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(
            f"models: {name} is not hidden widths, a text as for --model, or an encoder and a decoder"
        ) from None


def _called(part: object) -> str:
    return type(part).__qualname__ if isinstance(part, nn.Module) else str(getattr(part, "__qualname__", "a function"))


def _classes_of(network: Network, pair: Sequence[Any]) -> NetworkClasses:
    """As though the pair were classes of a file: what is a module already is copied for each model."""
    encoder, decoder = (_maker(part) for part in pair)
    return NetworkClasses(network, encoder, decoder, SourceFiles(Path(), "the script", {"the script": b""}))


def _maker(part: Part) -> Callable[..., Any]:
    return (lambda zdim: copy.deepcopy(part)) if isinstance(part, nn.Module) else part


def _output(*, quiet: bool) -> Output:
    display = notebook_display()
    if display is not None and not quiet:
        return NotebookOutput(display)
    return make_output(DisplayConfig(no_ui=True, quiet=quiet))
