"""Trained models gathered into architectures: the same model trained once per seed.

Models of one name that differ in size, sigma, zdim, options of training, dequantisation or the definitions of the
metrics are separate architectures, and so are models of one name and seed in several runs. They are labelled by what
differs or by their runs, so that a sweep over sigma, or two runs of the same models, can be compared like models of
several names.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy.typing as npt

from tui_vae.config import TrainConfig
from tui_vae.config.evaluation import PROTOCOL
from tui_vae.errors import UsageError
from tui_vae.evaluation.intervals import Interval, t_interval
from tui_vae.events import Evaluation
from tui_vae.metrics import METRICS, NOISY, ArchitectureSummary, MetricValue, is_metric, spacing_of, title_of

_NOT_OF_TRAINING = frozenset(
    {"models", "seed", "seeds", "zdim", "sigma", "dataset", "data_dir", "download", "checkpoint_every", "no_evaluate"}
    | {"device", "precision", "threads", "step"}
)
"""Options that are compared otherwise, or that say where and how conveniently a model is trained."""


@dataclass(frozen=True)
class Setting:
    """How a model was trained and measured; it decides what is one architecture, and which metrics are comparable.

    Attributes:
        data: Name of the data set.
        sigma: Of the decoder, as it was chosen: a number or ``learned``.
        zdim: Latent dimension.
        dequantized: Whether uniform noise was added to the data for the likelihoods.
        protocol: Version of the metrics' definitions.
        training: Name and value, as text, of the other options that decide what training gives.
    """

    data: str
    sigma: str
    zdim: int
    dequantized: bool = False
    protocol: int = PROTOCOL
    training: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, config: TrainConfig, *, dequantized: bool, protocol: int) -> Setting:
        """That of a resolved configuration."""
        sigma = _text(config.sigma)
        names = [f.name for f in dataclasses.fields(config) if f.name not in _NOT_OF_TRAINING]
        training = tuple((name.replace("_", "-"), _text(getattr(config, name))) for name in names)
        return cls(config.dataset, sigma, config.zdim, dequantized, protocol, training)

    def unlike(self, other: Setting) -> list[tuple[str, str, str]]:
        """The options of training in which the two differ: name, own value, and the other's."""
        own, others = dict(self.training), dict(other.training)
        names = [name for name in dict.fromkeys((*own, *others)) if name in own and name in others]
        return [(name, own[name], others[name]) for name in names if own[name] != others[name]]


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

    @property
    def runs(self) -> frozenset[str]:
        """The runs of its models."""
        return frozenset(model.run for model in self.by_seed.values())

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

    Where several runs have a model of one name, setting and seed, the models of each run are an architecture.

    Raises:
        UsageError: A run has a model twice, so that it would count as two.
    """
    groups: defaultdict[_Key, list[TrainedModel]] = defaultdict(list)
    for model in models:
        groups[model.evaluation.model, model.evaluation.parameters.total, model.setting].append(model)
    found = [one for key, members in groups.items() for one in _architectures(key, members)]
    labelled = [replace(one, label=label) for one, label in zip(found, _labels(found), strict=True)]
    return sorted(labelled, key=lambda architecture: architecture.parameters)


_Key = tuple[str, int, Setting]


def _architectures(key: _Key, members: Sequence[TrainedModel]) -> Iterator[Architecture]:
    """The models of one name, size and setting as one architecture, or as one of each run where seeds are repeated."""
    by_run: defaultdict[str, dict[int, TrainedModel]] = defaultdict(dict)
    for model in members:
        seed = model.evaluation.seed
        if by_run[model.run].setdefault(seed, model) is not model:
            raise UsageError(f"{model.evaluation.model} with seed {seed} is in the run {model.run} twice")
    seeds = [seed for by_seed in by_run.values() for seed in by_seed]
    apart = list(by_run.values())
    if len(set(seeds)) == len(seeds):
        apart = [{seed: model for by_seed in apart for seed, model in by_seed.items()}]
    for by_seed in apart:
        yield Architecture(key[0], key[2], key[1], dict(sorted(by_seed.items())))


_DISTINCTIONS: tuple[Callable[[Architecture], str], ...] = (
    lambda one: one.setting.data,
    lambda one: f"sigma {one.setting.sigma}",
    lambda one: f"zdim {one.setting.zdim}",
    lambda one: "dequantized" if one.setting.dequantized else "not dequantized",
    lambda one: f"metrics of version {one.setting.protocol}",
)


def _labels(found: Sequence[Architecture]) -> list[str]:
    """Names, followed by what distinguishes architectures of one name: their settings, or else their size.

    Where that does not, the options of training do if one is of several runs, and else their runs: ``otter/deep``.
    """
    labels = []
    for one in found:
        same = [other for other in found if other.label == one.label]
        parts = [tell(one) for tell in _DISTINCTIONS if len({tell(other) for other in same}) > 1]
        if len({other.parameters for other in same if other.setting == one.setting}) > 1:
            parts.append(f"{one.parameters:,}")
        labels.append(_with(one.label, parts))
    for same_label in _repeated(labels):
        if any(len(found[place].runs) > 1 for place in same_label):
            options = {place: dict(found[place].setting.training) for place in same_label}
            names = dict.fromkeys(name for known in options.values() for name in known)
            differing = [name for name in names if len({known.get(name) for known in options.values()}) > 1]
            for place, known in options.items():
                labels[place] = _with(labels[place], [f"{name} {known.get(name)}" for name in differing])
    for same_label in _repeated(labels):
        for place in same_label:
            labels[place] = f"{' + '.join(sorted(found[place].runs))}/{labels[place]}"
    return labels


def _repeated(labels: Sequence[str]) -> list[list[int]]:
    """The places of each label that there is more than once."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        places[label].append(place)
    return [same for same in places.values() if len(same) > 1]


def _with(label: str, parts: Sequence[str]) -> str:
    return f"{label} ({', '.join(parts)})" if parts else label


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


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
        values.append(replace(first, value=mean, interval=interval))
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
