"""Decode images with stored models in a thread, so that keys are answered at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import Encoded, RunSource, StoredModel
from tui_vae.view.series import FloatArray


@dataclass(frozen=True)
class DecodeRequest:
    """Which image to decode.

    Attributes:
        model: Name of the model.
        checkpoint: Step of its newest checkpoint; another step means that the weights have to be read again.
        z: The latent code; ``None`` takes that of ``image``, or without one the mean of the prior.
        image: Number of the held-out image whose mean of q(z|x) is decoded.
    """

    model: str
    checkpoint: int
    z: tuple[float, ...] | None = None
    image: int | None = None


@dataclass(frozen=True, eq=False)
class DecodeResult:
    """The decoded image, or an error message. No two results are equal.

    Attributes:
        request: The request.
        refused: The error message; ``None`` if there is an image.
        epoch: Epochs for which the weights were trained.
        z: The latent code, ``(zdim,)``.
        picture: The mean of p(x|z), ``(28, 28)``.
        encoded: The held-out image, if one was requested.
    """

    request: DecodeRequest
    refused: str | None = None
    epoch: int = 0
    z: FloatArray | None = None
    picture: Pixels | None = None
    encoded: Encoded | None = None


class ExplorerWorker:
    """Decodes the newest request; older requests that are still waiting are dropped.

    Args:
        source: The run with the models.
        report: Called with each result, in the worker's thread.
    """

    def __init__(self, source: RunSource, report: Callable[[DecodeResult], object]) -> None:
        self._source = source
        self._report = report
        self._changed = threading.Condition()
        self._question: DecodeRequest | None = None
        self._closed = False
        threading.Thread(target=self._run, name="explorer", daemon=True).start()

    def ask(self, request: DecodeRequest) -> None:
        with self._changed:
            self._question = request
            self._changed.notify_all()

    def close(self) -> None:
        """Stop; no result is reported from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        read: tuple[str, int] | None = None
        model: StoredModel | str = ""
        while (request := self._next()) is not None:
            # Weights that could not be read are tried again: the file may exist by now.
            if read != (request.model, request.checkpoint) or isinstance(model, str):
                read, model = (request.model, request.checkpoint), self._source.stored_model(request.model)
            result = DecodeResult(request, refused=model) if isinstance(model, str) else _decode(request, model)
            if self._closed:
                return
            self._report(result)

    def _next(self) -> DecodeRequest | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._question is not None)
            request, self._question = self._question, None
            return None if self._closed else request


def _decode(request: DecodeRequest, model: StoredModel) -> DecodeResult:
    encoded: Encoded | None = None
    z = np.zeros(model.zdim) if request.z is None else np.array(request.z)
    if request.image is not None:
        found = model.encode(request.image)
        if isinstance(found, str):
            return DecodeResult(request, refused=found)
        encoded = found
        z = found.z if request.z is None else z
    if len(z) != model.zdim:  # the weights are those of another run by now
        z = np.zeros(model.zdim)
    return DecodeResult(request, None, model.epoch, z, model.decode(z), encoded)
