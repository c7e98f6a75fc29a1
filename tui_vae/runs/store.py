"""What a training run leaves behind: weights and pictures, written so that failure costs a notice and never the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.torch import save
from torch import Tensor

from tui_vae.events import Notice
from tui_vae.runs.directory import RunDirectory
from tui_vae.runs.files import replace_file
from tui_vae.runs.log import Tell
from tui_vae.runs.pictures import write_picture


class RunStore:
    """Writes into a run directory on behalf of the trainers.

    Args:
        run: The directory.
        tell: Receives a notice about what could not be written.
    """

    def __init__(self, run: RunDirectory, tell: Tell) -> None:
        self._run = run
        self._tell = tell
        self._failing: set[tuple[str, str]] = set()

    def save_sheet(self, model: str, epoch: int, sheet: npt.NDArray[np.uint8]) -> str | None:
        return self._save("samples", model, self._run.sheet(model, epoch), lambda path: write_picture(path, sheet))

    def save_weights(self, model: str, weights: Mapping[str, Tensor]) -> str | None:
        def write(path: Path) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, save({name: tensor.cpu().contiguous() for name, tensor in weights.items()}))

        return self._save("weights", model, self._run.weights(model), write)

    def _save(self, what: str, model: str, path: Path, write: Callable[[Path], None]) -> str | None:
        try:
            write(path)
        except OSError as error:
            # Said once while it lasts, not at every epoch.
            if (what, model) not in self._failing:
                self._failing.add((what, model))
                text = f"{what} cannot be written ({error.strerror}); training goes on: {path.parent}"
                self._tell(Notice(level="error", text=text, model=model))
            return None
        self._failing.discard((what, model))
        return self._run.relative(path)
