"""Train from a script or a notebook, with networks that are classes or modules of that script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from tui_vae.app.own_networks import load_typed
from tui_vae.app.run_setup import prepare
from tui_vae.config import DisplayConfig, ModelSpec, Network, StoreConfig, TrainConfig
from tui_vae.errors import ExitCode, TrainingError, UsageError
from tui_vae.headless import Output, follow, make_output
from tui_vae.headless.notebook import NotebookOutput, notebook_display
from tui_vae.library.pairs import Part, classes_of
from tui_vae.library.stored import Run, Where, folder_of
from tui_vae.run_store.find import check_unused

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
        name: Of the run; by default generated.
        runs_dir: As for :func:`tui_vae.runs`.
        quiet: Print problems only.
        **options: Train options by the names of their fields: ``epochs=5, zdim=16, lr=1e-3, device="cuda"``. A pair
            has no source that an evaluation could use, so a run with one is not evaluated at its end.

    Raises:
        UsageError: An option or a network cannot be used.
        DataError: The data set is not available.
        RunStoreError: The run cannot be written, or one of that name exists.
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
            classes[spec.network.unresolved] = classes_of(spec.network, pairs[spec.name])
    store = StoreConfig(runs_dir=str(folder_of(runs_dir)), name=name)
    check_unused(folder_of(runs_dir), name)
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


def _is_pair(model: Model) -> bool:
    return isinstance(model, tuple | list) and len(model) == 2 and not any(isinstance(part, int) for part in model)


def _spec(name: str, model: Model) -> ModelSpec:
    if isinstance(model, str):
        return ModelSpec.parse(f"{name}={model}")
    if _is_pair(model):
        encoder, decoder = (_called(part) for part in model)
        return ModelSpec(name, network=Network.by_script(name, encoder, decoder))
    try:
        return ModelSpec(name, tuple(int(width) for width in model))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(
            f"models: {name} is not hidden widths, a text as for --model, or an encoder and a decoder"
        ) from None


def _called(part: object) -> str:
    return type(part).__qualname__ if isinstance(part, nn.Module) else str(getattr(part, "__qualname__", "a function"))


def _output(*, quiet: bool) -> Output:
    display = notebook_display()
    if display is not None and not quiet:
        return NotebookOutput(display)
    return make_output(DisplayConfig(no_ui=True, quiet=quiet))
