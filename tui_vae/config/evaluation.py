"""Options of the evaluation: which metrics, from how many samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui_vae.codec import to_builtins
from tui_vae.config.options import AUTO, at_least, from_json, option, positive, shown
from tui_vae.config.training import TrainConfig, device_name
from tui_vae.errors import UsageError
from tui_vae.metrics import METRICS

ANNEALED = frozenset(("ais", "ais_iwae", "ais_gap", "ais_acceptance"))
"""Metrics by annealed importance sampling: they take minutes, so they are measured on request only."""

_DEFAULT_METRICS = tuple(name for name in METRICS if name not in ANNEALED)
_DEFAULT_AIS_IMAGES = 100
_AIS_CHAINS = 16
_MOST_SAMPLES = 100_000_000

PROTOCOL = 2
"""Rises when the same weights and options would give other numbers, so that old and new ones are not compared."""


def parse_metrics(text: str) -> tuple[str, ...]:
    """Parse names of metrics with commas between them; returns them in the order of the tables, each once."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    _check_metrics(names)
    return _in_order(names)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the order of the tables, each once."""
    chosen = set(names)
    return tuple(name for name in METRICS if name in chosen)


def _check_metrics(names: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in METRICS), None)
    if unknown is not None or not names:
        raise UsageError(f"--metrics takes some of {', '.join(METRICS)}; got {shown(unknown or '')}")


@dataclass(frozen=True)
class EvaluationConfig:
    """All that decides the result of an evaluation for given weights."""

    metrics: tuple[str, ...] = option(
        _DEFAULT_METRICS,
        "Only these metrics, with commas between them.  [default: all; ais with --ais-images]",
        parse=parse_metrics,
        metavar="NAME,…",
        panel="Evaluation",
    )
    samples: int = option(
        10_000, "Samples of each model, and test images, taken at random.", metavar="N", panel="Evaluation"
    )
    iwae_samples: int = option(100, "Importance samples of z per test image.", metavar="K", panel="Evaluation")
    ais_images: int = option(
        0, "Test images for annealed importance sampling; it takes minutes.", metavar="N", panel="Evaluation"
    )
    ais_steps: int = option(750, "Temperatures between prior and posterior.", metavar="N", panel="Evaluation")
    ais_chains: int = option(_AIS_CHAINS, "Chains per image in annealing.", metavar="N", panel="Evaluation")
    dequantize: bool | None = option(
        None,
        "Add uniform noise of a grey level to the test images; --no-dequantize does not.  [default: as in training]",
        panel="Evaluation",
        opposite="--no-dequantize",
    )
    device: str = option(AUTO, "Device to evaluate on.", metavar="auto|cpu|cuda[:N]|mps", panel="Machine")
    memory: float = option(
        1.0, "Maximum size of buffers in GiB; batches are sized to fit.", metavar="NUMBER", panel="Machine"
    )

    def __post_init__(self) -> None:
        for name in ("samples", "iwae_samples", "ais_steps", "ais_chains"):
            at_least(self, name, 1)
        at_least(self, "ais_images", 0)
        for name in ("samples", "iwae_samples", "ais_images", "ais_steps", "ais_chains"):
            if getattr(self, name) > _MOST_SAMPLES:
                raise UsageError(
                    f"--{name.replace('_', '-')} is at most {_MOST_SAMPLES:,}, not {getattr(self, name):,}"
                )
        _check_metrics(self.metrics)
        positive("--memory", self.memory)
        device_name(self.device)
        if ANNEALED & set(self.metrics):
            at_least(self, "ais_images", 1)

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> EvaluationConfig:
        """The configuration of typed options: metrics of AIS imply images for it, and images imply the metrics.

        Raises:
            UsageError: An option cannot be used.
        """
        chosen = dict(options)
        metrics = set(chosen.get("metrics", _DEFAULT_METRICS))
        if ANNEALED & metrics:
            chosen["ais_images"] = chosen.get("ais_images") or _DEFAULT_AIS_IMAGES
        elif chosen.get("ais_images"):
            metrics |= ANNEALED
        if {"ais", "iwae"} <= metrics:
            metrics.add("ais_iwae")  # the images of AIS are few: a bound on others says little beside it
        if metrics != set(_DEFAULT_METRICS):
            chosen["metrics"] = _in_order(metrics)
        return cls(**chosen)

    def resolved(self, train: TrainConfig) -> EvaluationConfig:
        """This configuration for the models of a run: test images are dequantised if those of training were."""
        return self if self.dequantize is not None else dataclasses.replace(self, dequantize=train.dequantize)

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` is the inverse."""
        values: dict[str, Any] = to_builtins(self)
        return values

    def identity(self) -> dict[str, Any]:
        """What decides the numbers, as JSON values: evaluations are comparable if these are equal."""
        chosen = {name: value for name, value in self.to_json().items() if name not in ("device", "memory")}
        if self.ais_chains == _AIS_CHAINS:
            del chosen["ais_chains"]  # which earlier versions did not store
        return {**chosen, "protocol": PROTOCOL}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EvaluationConfig:
        """The inverse of :meth:`to_json`.

        Raises:
            UsageError: The values are not a configuration of this version.
        """
        return from_json(cls, values)

    @property
    def buffer_bytes(self) -> int:
        """Most bytes of all buffers of a batch."""
        return int(self.memory * 2**30)
