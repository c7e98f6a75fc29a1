"""How the cost of a step grows with the model, the batch and the number of models: a program of its own.

``python -m tui_vae.bench.scaling`` prints a JSON array. Each row changes one thing of the default deep model, and takes
steps as the trainer does, with the threads and the precision that ``auto`` chooses for it.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tui_vae.bench.roofline import STEPS, Go, side_by_side, trainer
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset, load_dataset
from tui_vae.training.hardware import resolve
from tui_vae.training.memory import bytes_needed

_SECONDS = 1.5
"""For which each row is measured, after a warm-up."""

_DEEP = ModelSpec("deep", (512, 256))
_WIDTHS = ((256, 128), (512, 256), (1024, 512), (2048, 1024))
_DEPTHS = ((), (512,), (512, 256), (512, 256, 128), (512, 256, 128, 64))
_ZDIMS = (2, 32, 128, 512)
_BATCHES = (32, 128, 512, 2048)
_MODELS = (1, 2, 4, 8)
_IMAGES = (1_000, 10_000, 55_000)


@dataclass(frozen=True)
class Row:
    """What one setting costs.

    Attributes:
        changed: What is changed: width, depth, zdim, batch, models or images.
        to: The setting.
        threads: Of each model.
        milliseconds: Median of a step; of several models, of a step of all.
        images_per_second: Of all models together.
        megabytes: About what has to be there for it, beside what is loaded before.
    """

    changed: str
    to: str
    threads: int
    milliseconds: float
    images_per_second: float
    megabytes: float


def settings() -> Iterator[tuple[str, str, TrainConfig]]:
    """What is changed, to what, and the configuration with it."""
    default = TrainConfig(device="cpu", models=(_DEEP,))

    def changed(what: str, to: object, **options: Any) -> tuple[str, str, TrainConfig]:
        return what, str(to), dataclasses.replace(default, **options)

    def deep(hidden: tuple[int, ...]) -> tuple[ModelSpec, ...]:
        return (ModelSpec("deep", hidden),)

    for what, several in (("width", _WIDTHS), ("depth", _DEPTHS)):
        for hidden in several:
            yield changed(what, ",".join(map(str, hidden)) or "linear", models=deep(hidden))
    yield from (changed("zdim", zdim, zdim=zdim) for zdim in _ZDIMS)
    yield from (changed("batch", size, batch_size=size) for size in _BATCHES)
    for count in _MODELS:
        models = tuple(ModelSpec(f"deep-{index}", _DEEP.hidden) for index in range(count))
        yield changed("models", count, models=models)
    yield from (changed("images", images, train_size=images) for images in _IMAGES)


def measure(what: str, to: str, config: TrainConfig, data: Dataset) -> Row:
    """Take steps of all models at once for a while."""
    images = config.train_size or len(data.train)
    config = resolve(config, images)
    some = Dataset(data.name, data.train.rows(0, images), data.held_out)
    steppings = [trainer(spec, config, some) for spec in config.models]
    threads = [config.threads_of(spec) for spec in config.models]

    def steps_of(go: Go) -> list[float]:
        measured: list[float] = []
        end = time.perf_counter() + _SECONDS
        while time.perf_counter() < end or not measured:
            began = time.perf_counter()
            taken = go(STEPS)
            measured.append((time.perf_counter() - began) / taken)
        return measured

    goes = [(stepping.go, count) for stepping, count in zip(steppings, threads, strict=True)]
    measured = side_by_side(goes, steps_of)
    seconds = [statistics.median(of) for of in measured]
    needed = bytes_needed(config, images + len(data.held_out))
    batch = min(config.batch_size, images)
    rate = sum(batch / of for of in seconds)
    return Row(what, to, max(threads), 1e3 * statistics.mean(seconds), rate, needed / 1e6)


def main() -> None:
    data = load_dataset(TrainConfig())
    print(json.dumps([dataclasses.asdict(measure(what, to, config, data)) for what, to, config in settings()]))


if __name__ == "__main__":
    main()
