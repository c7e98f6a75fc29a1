"""Stored models for the explorer: weights of the newest checkpoint on the CPU, and the held-out images of a run.

It only reads: whoever trains the run notices nothing.
"""

from __future__ import annotations

import functools

import torch

from tui_vae.config import IMAGE_SIDE, TrainConfig
from tui_vae.data import Split, load_dataset
from tui_vae.data.image_ops import quantised
from tui_vae.errors import RunStoreError, TuiVaeError, system_failure
from tui_vae.model import VAE
from tui_vae.runs import RunDirectory
from tui_vae.runs.checkpoints import CheckpointFolder
from tui_vae.runs.resume import config_of
from tui_vae.training.hardware import use_threads
from tui_vae.view.image_cells import Pixels
from tui_vae.view.model_protocol import Encoded
from tui_vae.view.sanitize import printable
from tui_vae.view.series import FloatArray


class ReadModel:
    """A :class:`tui_vae.view.model_protocol.StoredModel`."""

    def __init__(self, vae: VAE, epoch: int, run: RunDirectory, config: TrainConfig) -> None:
        self._vae = vae
        self._run = run
        self._config = config
        self.zdim = vae.zdim
        self.epoch = epoch

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


def newest_model(run: RunDirectory, name: str) -> ReadModel | str:
    """A model of a run with the weights of its newest checkpoint that is whole; or why there is none, for people.

    The calling thread computes with one thread from then on: nobody who trains has one less.
    """
    use_threads(1)
    try:
        return _read(run, name)
    except TuiVaeError as error:
        return printable(str(error))
    except (MemoryError, RuntimeError) as error:  # by Python, or by torch
        if (failure := system_failure(error)) is None:
            raise
        return f"{printable(name)}: {printable(failure)}"


def _read(run: RunDirectory, name: str) -> ReadModel | str:
    """
    Raises:
        RunStoreError: The run or the checkpoints cannot be read, or are not of each other.
    """
    config, _ = config_of(run)
    spec = next((spec for spec in config.models if spec.name == name), None)
    if spec is None:
        return f"the configuration of the run knows no model called {printable(name)}"
    stored = CheckpointFolder(run.checkpoints(name)).load_weights()
    if stored is None:
        return f"{printable(name)} has no checkpoint yet; one is saved at every epoch"
    with torch.device("meta"):  # no memory before it is known that the widths are those of the weights
        vae = VAE(spec.hidden, config.zdim, config.sigma)
    try:
        vae.load_state_dict({key: tensor.float() for key, tensor in stored.weights.items()}, assign=True)
    except RuntimeError as error:
        raise RunStoreError(f"{run.checkpoints(name)}: the weights are not of the run's configuration") from error
    if not all(bool(tensor.isfinite().all()) for tensor in stored.weights.values()):
        return f"{printable(name)} has weights that are not finite: its training has diverged"
    epoch = stored.course.get("epoch")
    return ReadModel(vae, epoch if isinstance(epoch, int) else 0, run, config)


@functools.lru_cache(maxsize=1)
def _held_out(run: RunDirectory, config: TrainConfig) -> Split:
    """Kept, since an explorer asks for one image after the other.

    Raises:
        DataError: The data set is not available.
        UsageError: It has fewer images than the configuration says.
    """
    held_out = load_dataset(config).held_out
    # Copies, so that the images of the training split are let go of.
    return Split(held_out.images.clone(), held_out.labels.clone())
