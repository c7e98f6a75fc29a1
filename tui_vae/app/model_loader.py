"""Load models from the checkpoints of a run, for evaluation and for the explorer. Only reads."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.app.own_networks import check_all, load_stored
from tui_vae.config import IMAGE_SIDE, ModelSpec, TrainConfig
from tui_vae.data import Split, load_dataset
from tui_vae.data.image_ops import quantised
from tui_vae.errors import EvaluationError, RunStoreError, TuiVaeError, system_failure
from tui_vae.model import VAE, ModelBuilder
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.resume import config_of
from tui_vae.training.hardware import use_threads
from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import Encoded
from tui_vae.view.sanitize import printable
from tui_vae.view.series import FloatArray


@dataclass(frozen=True)
class LoadedModel:
    """A model with the weights of a checkpoint, and the epochs and steps trained until then."""

    vae: VAE
    epoch: int
    step: int


def load_model(
    run: RunDirectory,
    spec: ModelSpec,
    config: TrainConfig,
    *,
    trust: bool = False,
    build: ModelBuilder | None = None,
) -> LoadedModel | None:
    """Load a model's newest intact checkpoint on the CPU, in evaluation mode; ``None`` before the first one.

    Args:
        run: The run.
        spec: The model.
        config: Of the run.
        trust: Whether the code of networks of the user's own may be executed as the run keeps it.
        build: Makes the model, if its networks are those of a script.

    Raises:
        NetworkError: They may not be executed, or fail.
        RunStoreError: There are checkpoints, but none is intact, or they do not fit the run's configuration.
        EvaluationError: Weights are not finite.
    """
    folder = run.checkpoints(spec.name)
    stored = CheckpointFolder(folder).load_weights()
    if stored is None:
        return None
    try:
        if build is None:
            vae = _with_weights(run, spec, config, stored.weights, trust=trust)
        else:
            vae = build(spec, config, seed=0)
            vae.load_weights(stored.weights)
    except RuntimeError as error:
        raise RunStoreError(f"{folder}: the weights are not of the run's configuration") from error
    bad = next((name for name, tensor in stored.weights.items() if not bool(tensor.isfinite().all())), None)
    if bad is not None:
        raise EvaluationError(
            f"{spec.name} of {run.name} has weights that are not finite ({bad}): its training has diverged"
        )
    epoch, step = stored.course.get("epoch"), stored.course.get("step")
    if not isinstance(epoch, int) or not isinstance(step, int):
        raise RunStoreError(f"{folder}: the checkpoint does not say after which step it was saved")
    return LoadedModel(vae.eval(), epoch, step)


def _with_weights(
    run: RunDirectory, spec: ModelSpec, config: TrainConfig, weights: Mapping[str, Tensor], *, trust: bool
) -> VAE:
    """Make a model with these weights.

    Raises:
        NetworkError: Its networks are the user's own, and may not be executed, or fail.
        RuntimeError: The weights are of another model.
    """
    if spec.network is None:
        with torch.device("meta"):  # allocates nothing before the widths are known to be those of the weights
            vae = VAE.fully_connected(spec.hidden, config.zdim, config.sigma)
        vae.load_state_dict({key: tensor.float() for key, tensor in weights.items()}, assign=True)
        return vae
    alone = dataclasses.replace(config, models=(spec,), step="general")  # the others, and their step, do not matter
    classes = load_stored(run, alone, trust=trust)
    _, build, _ = check_all(alone, classes, torch.device("cpu"), torch.float32)
    vae = build(spec, config, seed=config.seed if spec.seed is None else spec.seed)
    vae.load_weights(weights)
    return vae


class ExplorerModel:
    """A :class:`tui_vae.view.run_source.StoredModel`."""

    def __init__(self, loaded: LoadedModel, run: RunDirectory, config: TrainConfig) -> None:
        self._vae = loaded.vae
        self._run = run
        self._config = config
        self.zdim = loaded.vae.zdim
        self.epoch = loaded.epoch

    @torch.inference_mode()
    def decode(self, z: FloatArray) -> Pixels:
        x = self._vae.decoder(torch.from_numpy(z).float()[None])
        pixels: Pixels = quantised(x).numpy().reshape(IMAGE_SIDE, IMAGE_SIDE)
        return pixels

    @torch.inference_mode()
    def encode(self, image: int) -> Encoded | str:
        try:
            held_out = _held_out(self._run, self._config)
        except TuiVaeError as error:
            return printable(str(error))
        index = image % len(held_out)
        x = held_out.images[index]
        mu, _ = self._vae.encoder(x[None].float() / 255)
        original = x.numpy().reshape(IMAGE_SIDE, IMAGE_SIDE)
        return Encoded(original, index, int(held_out.labels[index]), mu[0].double().numpy())


def explorer_model(run: RunDirectory, name: str, *, trust: bool = False) -> ExplorerModel | str:
    """Load a model for the explorer, from its newest intact checkpoint; or return why it cannot be, as a message.

    The calling thread computes with one intra-op thread from then on, so that training keeps its own. ``trust`` is as
    for :func:`load_model`.
    """
    use_threads(1)
    try:
        return _read(run, name, trust=trust)
    except TuiVaeError as error:
        return printable(str(error))
    except (MemoryError, RuntimeError) as error:  # raised by Python, or by torch
        if (failure := system_failure(error)) is None:
            raise
        return f"{printable(name)}: {printable(failure)}"


def _read(run: RunDirectory, name: str, *, trust: bool) -> ExplorerModel | str:
    """
    Raises:
        NetworkError: The code of the model may not be executed, or fails.
        RunStoreError: The run or the checkpoints cannot be read, or do not belong together.
        EvaluationError: Weights are not finite.
    """
    config, _ = config_of(run)
    spec = next((spec for spec in config.models if spec.name == name), None)
    if spec is None:
        return f"the configuration of the run knows no model called {printable(name)}"
    loaded = load_model(run, spec, config, trust=trust)
    if loaded is None:
        return f"{printable(name)} has no checkpoint yet; one is saved at every epoch"
    return ExplorerModel(loaded, run, config)


@functools.lru_cache(maxsize=1)
def _held_out(run: RunDirectory, config: TrainConfig) -> Split:
    """The held-out images, cached: an explorer requests one image after the other.

    Raises:
        DataError: The data set is not available.
        UsageError: It has fewer images than the configuration says.
    """
    held_out = load_dataset(config).held_out
    # Copies, so that the training split can be freed.
    return Split(held_out.images.clone(), held_out.labels.clone())
