"""Read and write the evaluation of a model in its run: the result, the values of single images, and pictures.

The result is written last and holds the checksum of the tensor file; where they disagree, there is no evaluation.
Nothing is pickled, and no torch is loaded.
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import structs
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tui_vae.codec import convert, to_builtins
from tui_vae.errors import EventError, RunStoreError
from tui_vae.events import Evaluation
from tui_vae.run_store.checksums import digest
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.files import make_folder, read_small, replace_files
from tui_vae.run_store.manifest import manifest, read_manifest
from tui_vae.run_store.pictures import png_of

_RESULT, _PER_IMAGE = "result.json", "per-image.safetensors"
_LARGEST = 256_000_000


@dataclass(frozen=True)
class StoredEvaluation:
    """A complete evaluation.

    Attributes:
        result: The event.
        settings: ``EvaluationConfig.identity()``.
        per_image: Values of single test images by metric, ``(images,)`` each.
    """

    result: Evaluation
    settings: Mapping[str, Any]
    per_image: Mapping[str, npt.NDArray[np.float64]]


def has_evaluation(run: RunDirectory, model: str) -> bool:
    """Whether an evaluation of a model is stored; whether it is intact shows when it is read."""
    return (run.evaluation(model) / _RESULT).is_file()


def write_evaluation(
    run: RunDirectory,
    stored: StoredEvaluation,
    pictures: Mapping[str, npt.NDArray[np.uint8]],
) -> StoredEvaluation:
    """Replace the stored evaluation of a model, once all of the new one is on the disk.

    Args:
        run: The run.
        stored: The evaluation, without the files of its pictures.
        pictures: Grey pixels ``(height, width)`` by the kind of the picture.

    Returns:
        The evaluation with the files of its pictures.

    Raises:
        OSError: It could not be written; the evaluation stored before is as it was.
    """
    folder = _folder(run, stored.result.model)
    make_folder(folder)
    paths = {picture.kind: folder / f"{picture.kind}.png" for picture in stored.result.pictures}
    named = [dataclasses.replace(p, file=run.relative(paths[p.kind])) for p in stored.result.pictures]
    result = structs.replace(stored.result, pictures=tuple(named))
    contents = {path: png_of(pictures[kind]) for kind, path in paths.items()}
    tensors = save({name: np.ascontiguousarray(values) for name, values in stored.per_image.items()})
    record = {"result": to_builtins(result), "settings": dict(stored.settings)}
    replace_files(contents | {folder / _PER_IMAGE: tensors, folder / _RESULT: manifest(record, {_PER_IMAGE: tensors})})
    return dataclasses.replace(stored, result=result)


def read_evaluation(run: RunDirectory, model: str, *, per_image: bool = True) -> StoredEvaluation | None:
    """Read the stored evaluation of a model; ``None`` where there is none, or an incomplete one.

    Without ``per_image`` the values of single images are neither read nor checked.
    """
    try:
        folder = _folder(run, model)
        known = read_manifest(folder / _RESULT)
        result = convert(known.course["result"], Evaluation)
        expected = known.files[_PER_IMAGE]
        settings = known.course["settings"]
        if not isinstance(settings, dict) or result.model != model:
            return None
        if not per_image:
            return StoredEvaluation(result, settings, {})
        content = read_small(folder / _PER_IMAGE, min(expected.bytes, _LARGEST))
        if digest(content) != expected.sha256:
            return None
        images = load(content)
        if any(values.ndim != 1 or values.dtype != np.float64 for values in images.values()):
            return None
        return StoredEvaluation(result, settings, images)
    except (OSError, RunStoreError, EventError, SafetensorError, KeyError, ValueError):
        return None


def _folder(run: RunDirectory, model: str) -> Path:
    """The folder of a model's evaluation.

    Raises:
        OSError: A link in a stranger's run leads out of the run.
    """
    folder = run.evaluation(model)
    try:
        inside = folder.resolve().is_relative_to(run.path.resolve())
    except RuntimeError:  # links in a circle
        inside = False
    if not inside:
        raise OSError(errno.ELOOP, "a link leads out of the run", str(folder))
    return folder
