"""Trained models gathered into architectures: the same model trained once per seed.

Models of one name that differ in size, sigma, zdim, dequantisation or the definitions of the metrics are separate
architectures, labelled by what differs, so that a sweep over sigma can be compared like models of several names.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy.typing as npt

from tui_vae.config.evaluation import PROTOCOL
from tui_vae.errors import UsageError
from tui_vae.evaluation.intervals import Interval, t_interval
from tui_vae.events import Evaluation
from tui_vae.metrics import METRICS, NOISY, ArchitectureSummary, MetricValue, is_metric, spacing_of, title_of


@dataclass(frozen=True)
class Setting:
    """What decides which metrics of two models are comparable.

    Attributes:
        data: Name of the data set.
        sigma: Of the decoder, as it was chosen: a number or ``learned``.
        zdim: Latent dimension.
        dequantized: Whether uniform noise was added to the data for the likelihoods.
        protocol: Version of the metrics' definitions.
    """

    data: str
    sigma: str
    zdim: int
    dequantized: bool = False
    protocol: int = PROTOCOL


@dataclass(frozen=True)
class TrainedModel:
    """One model of one run and what was measured of it.

    Attributes:
        run: Name of the run.
        setting: Data set, sigma, zdim and dequantisation.
        evaluation: Its name, seed, parameters and metrics.
        per_image: Likelihoods of each image by metric, ``(n,)``, the same images in the same order for all models.
    """

    run: str
    setting: Setting
    evaluation: Evaluation
    per_image: Mapping[str, npt.ArrayLike] = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """Models that differ by their seed only, by seed in ascending order."""

    label: str
    setting: Setting
    parameters: int
    by_seed: Mapping[int, TrainedModel]

    def values(self, metric: str) -> dict[int, MetricValue]:
        """The metric's values by seed, where they are numbers."""
        return {
            seed: value
            for seed, model in self.by_seed.items()
            for value in model.evaluation.metrics
            if value.metric == metric and math.isfinite(value.value)
        }


def gather(models: Iterable[TrainedModel]) -> list[Architecture]:
    """The architectures of some models, by number of parameters in ascending order.

    Raises:
        UsageError: Two models are the same architecture trained with the same seed, so that one would count twice.
    """
    groups: defaultdict[tuple[str, int, Setting], dict[int, TrainedModel]] = defaultdict(dict)
    for model in models:
        evaluation = model.evaluation
        same = groups[evaluation.model, evaluation.parameters.total, model.setting]
        other = same.setdefault(evaluation.seed, model)
        if other is not model:
            where = f"the runs {other.run} and {model.run}" if other.run != model.run else f"the run {model.run} twice"
            raise UsageError(f"{evaluation.model} with seed {evaluation.seed} is in {where}: compare only one of them")
    labels = _labels(list(groups))
    found = [
        Architecture(label, setting, parameters, dict(sorted(by_seed.items())))
        for label, ((_, parameters, setting), by_seed) in zip(labels, groups.items(), strict=True)
    ]
    return sorted(found, key=lambda architecture: architecture.parameters)


_DISTINCTIONS: tuple[Callable[[int, Setting], str], ...] = (
    lambda _, setting: setting.data,
    lambda _, setting: f"sigma {setting.sigma}",
    lambda _, setting: f"zdim {setting.zdim}",
    lambda _, setting: "dequantized" if setting.dequantized else "not dequantized",
    lambda _, setting: f"metrics of version {setting.protocol}",
)


def _labels(groups: Sequence[tuple[str, int, Setting]]) -> list[str]:
    """Names, followed by what distinguishes groups of one name: their settings, or else their size."""
    labels = []
    for name, parameters, setting in groups:
        same = [(p, s) for n, p, s in groups if n == name]
        parts = [tell(parameters, setting) for tell in _DISTINCTIONS if len({tell(p, s) for p, s in same}) > 1]
        if sum(s == setting for _, s in same) > 1:
            parts.append(f"{parameters:,}")
        labels.append(f"{name} ({', '.join(parts)})" if parts else name)
    return labels


def all_metrics(architectures: Iterable[Architecture]) -> list[str]:
    """Names of the results that any model has, in the order of ``METRICS``; those of noisy samples come last."""
    given = {v.metric for a in architectures for m in a.by_seed.values() for v in m.evaluation.metrics}
    return [name for name in (*METRICS, *(f"{name}{NOISY}" for name in METRICS)) if name in given]


def summary(architecture: Architecture) -> ArchitectureSummary:
    """The mean of each metric over the seeds that gave a number, with its interval."""
    values = []
    for metric in all_metrics([architecture]):
        found = list(architecture.values(metric).values())
        if not found:
            found = [MetricValue(metric, math.nan, None, None, 0, "")]
        numbers = [value.value for value in found]
        several = len(numbers) > 1
        interval = t_interval(numbers, spacing=spacing_of(found[0])) if several else finite(found[0].interval)
        # The floor is of the data alone, the same for every seed.
        first = next((value for value in found if value.floor is not None), found[0])
        mean = sum(numbers) / len(numbers)
        values.append(dataclasses.replace(first, value=mean, interval=interval))
    return ArchitectureSummary(architecture.label, architecture.parameters, tuple(architecture.by_seed), tuple(values))


def finite(interval: tuple[float, ...] | None) -> Interval | None:
    """An interval of two ends that are numbers; ``None`` for any other."""
    if interval is None or len(interval) != 2 or not all(math.isfinite(end) for end in interval):
        return None
    return interval[0], interval[1]


def not_numbers(architecture: Architecture) -> list[str]:
    """A sentence for each value that is not a number and was left out."""
    return [
        f"{title_of(value.metric)} of {architecture.label} with seed {seed} is not a number and left out"
        for seed, model in architecture.by_seed.items()
        for value in model.evaluation.metrics
        if not math.isfinite(value.value) and is_metric(value.metric)
    ]
