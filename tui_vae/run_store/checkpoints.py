"""The checkpoints of each model on the disk: ``latest``, ``previous`` and ``best``.

A checkpoint is three files: ``NAME.safetensors`` holds the weights, under the names of ``VAE.state_dict()``,
``NAME.optimizer.safetensors`` the moments, and ``NAME.json`` everything else and the SHA-256 of all three. ``best`` has
no optimiser state. Nothing is pickled: reading a stranger's run executes nothing.

Three files cannot be replaced atomically. So the new ones are first written to temporary files, then ``previous``
becomes a copy of ``latest``, and only then is ``latest`` replaced: whenever the writer is killed, at least one of the
two is complete, and the checksums show which.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from tui_vae.errors import RunStoreError
from tui_vae.run_store.checksums import digest
from tui_vae.run_store.files import (
    duplicate_file,
    flush_folder,
    make_folder,
    read_small,
    remove_all,
    rename_parts,
    write_parts,
)
from tui_vae.run_store.manifest import ENDING, manifest, read_manifest

LATEST, PREVIOUS, BEST = "latest", "previous", "best"
_WEIGHTS, _OPTIMIZER = ".safetensors", ".optimizer.safetensors"


@dataclass(frozen=True)
class StoredCheckpoint:
    """A complete checkpoint whose checksums are right.

    Attributes:
        damage: Why the newest checkpoint was not used; ``None`` when this is the newest.
    """

    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    course: dict[str, Any]
    damage: str | None


class CheckpointFolder:
    """The checkpoints of one model, for one writer and any number of readers.

    Attributes:
        path: The model's folder; set it when the run was moved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._latest_is_complete: bool | None = None

    def load(self) -> StoredCheckpoint | None:
        """Load the newest complete checkpoint; ``None`` when there never was one.

        Raises:
            RunStoreError: All checkpoints are damaged.
        """
        return self._newest((_WEIGHTS, _OPTIMIZER))

    def load_weights(self) -> StoredCheckpoint | None:
        """Load the same without the moments, which are two thirds of the bytes.

        Raises:
            RunStoreError: The weights of all checkpoints are damaged.
        """
        return self._newest((_WEIGHTS,))

    def newest_step(self) -> int | None:
        """The step of the newest checkpoint by its manifest; the tensors are not read. ``None`` if it is damaged."""
        for name in (LATEST, PREVIOUS):
            with contextlib.suppress(OSError, RunStoreError):
                step = read_manifest(self.path / f"{name}{ENDING}").course.get("step")
                return step if isinstance(step, int) else None
        return None

    def _newest(self, endings: Sequence[str]) -> StoredCheckpoint | None:
        damage: list[str] = []
        for name in (LATEST, PREVIOUS):
            try:
                tensors, course = _read(self.path, name, endings)
            except FileNotFoundError as error:
                damage.append(f"{Path(error.filename).name} is missing")
            except OSError as error:
                damage.append(f"{Path(error.filename or name).name} cannot be read ({error.strerror})")
            except RunStoreError as error:
                damage.append(str(error))
            else:
                optimizer = tensors.get(_OPTIMIZER, {})
                return StoredCheckpoint(tensors[_WEIGHTS], optimizer, course, damage[0] if damage else None)
        # The manifest is renamed last: where there is none, the first checkpoint was never completed.
        if not any((self.path / f"{name}{ENDING}").exists() for name in (LATEST, PREVIOUS)):
            return None
        raise RunStoreError(
            f"{self.path}: no checkpoint is whole ({'; '.join(damage)}); "
            "without that folder, the model is trained from its beginning"
        )

    def save_latest(
        self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor], course: Mapping[str, Any]
    ) -> Path:
        """Replace ``latest`` and keep the one before it as ``previous``; returns the file of the weights.

        Raises:
            OSError: It could not be written; ``latest`` or ``previous`` is complete if one of them was.
        """
        parts = self._write_parts(LATEST, {_WEIGHTS: weights, _OPTIMIZER: optimizer}, course)
        if self._latest_is_complete is None:
            # A writer killed while it copied ``latest`` to ``previous`` left parts of two checkpoints there.
            self._latest_is_complete = self._is_complete()
        try:
            if self._latest_is_complete:
                with contextlib.suppress(FileNotFoundError):  # it was removed: there is nothing to keep
                    for path in parts:
                        duplicate_file(path, path.with_name(path.name.replace(LATEST, PREVIOUS, 1)))
                flush_folder(self.path)
            self._latest_is_complete = False
            rename_parts(parts)
            flush_folder(self.path)
        except OSError:
            remove_all(parts.values())
            raise
        self._latest_is_complete = True
        return self.path / f"{LATEST}{_WEIGHTS}"

    def _is_complete(self) -> bool:
        try:
            _read(self.path, LATEST, (_WEIGHTS, _OPTIMIZER))
        except (OSError, RunStoreError):
            return False
        return True

    def save_best(self, weights: Mapping[str, Tensor], course: Mapping[str, Any]) -> Path:
        """Replace ``best``; returns the file of the weights.

        Raises:
            OSError: It could not be written.
        """
        rename_parts(self._write_parts(BEST, {_WEIGHTS: weights}, course))
        flush_folder(self.path)
        return self.path / f"{BEST}{_WEIGHTS}"

    def _write_parts(
        self, name: str, tensors: Mapping[str, Mapping[str, Tensor]], course: Mapping[str, Any]
    ) -> dict[Path, Path]:
        """Write the temporary files of a checkpoint."""
        contents = {end: save({key: t.contiguous() for key, t in group.items()}) for end, group in tensors.items()}
        contents[ENDING] = manifest(course, contents)
        make_folder(self.path)
        return write_parts({self.path / f"{name}{ending}": content for ending, content in contents.items()})


def _read(folder: Path, name: str, endings: Sequence[str]) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read the tensors of a checkpoint, by the ending of their file, and its progress of training.

    Raises:
        RunStoreError: The checkpoint is damaged.
        OSError: A file is not there, or cannot be read.
    """
    known = read_manifest(folder / f"{name}{ENDING}")
    tensors: dict[str, dict[str, Tensor]] = {}
    for ending in endings:
        path, expected = folder / f"{name}{ending}", known.files.get(ending)
        if expected is None:
            raise RunStoreError(f"{name}{ENDING} names no {path.name}")
        content = read_small(path, expected.bytes)
        if digest(content) != expected.sha256:
            raise RunStoreError(f"{path.name} is not what was written")
        try:
            tensors[ending] = load(content)
        except (SafetensorError, ValueError, KeyError) as error:
            raise RunStoreError(f"{path.name} holds no tensors") from error
    return tensors, known.course
