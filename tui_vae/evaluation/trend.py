"""How a metric changes with the size of the model, over three architectures and more.

The slope of a line over the logarithm of the number of parameters. With several seeds each gives a slope of its own
over the same architectures, and Student's interval is that of their mean: seeds are what is repeated, whereas models of
the same architecture are no independent points of a line. On one seed it is the interval of the least-squares slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tui_vae.evaluation.differences import interval_text
from tui_vae.evaluation.intervals import Interval, Values, slope_interval, t_interval
from tui_vae.evaluation.seed_groups import Architecture
from tui_vae.metrics import MetricValue, Trend, metric_of, significance, title_of

FEWEST = 3


def can_have_trend(architectures: Sequence[Architecture]) -> bool:
    """Whether there are enough models of distinct size, all with the same sigma, data and dequantisation."""
    settings = {(a.setting.data, a.setting.sigma, a.setting.dequantized) for a in architectures}
    return len({a.parameters for a in architectures}) >= FEWEST and len(settings) == 1


def trend(metric: str, architectures: Sequence[Architecture]) -> Trend | None:
    """The trend of a metric; ``None`` when fewer than three sizes have a value, or values that cannot be compared."""
    values = {a: found for a in range(len(architectures)) if (found := architectures[a].values(metric))}
    sizes = np.array([math.log10(architectures[a].parameters) for a in values])
    kinds = {(value.n, value.source) for found in values.values() for value in found.values()}
    if len(set(sizes.tolist())) < FEWEST or len(kinds) > 1:
        return None
    seeds = sorted(set.intersection(*(set(found) for found in values.values())))
    slope, interval = _slope(sizes, [[found[seed].value for found in values.values()] for seed in seeds])
    if len(seeds) < 2:
        means = np.array([np.mean([value.value for value in found.values()]) for found in values.values()])
        slope, interval = slope_interval(sizes, means)
    assert interval is not None  # three points or two seeds
    about = metric_of(metric)
    outcome = significance(about.better, *interval)
    title = title_of(metric)
    if outcome == "not told apart":
        claim = f"no trend with size is told in {title}:"
    else:
        claim = f"a larger model {about.high if slope > 0 else about.low}: {title}"
    on = f"{len(values)} models on {len(seeds)} seeds" if len(seeds) > 1 else _without_common(values)
    numbers = interval_text(metric, slope, interval, outcome).replace(" (", " per tenfold parameters (", 1)
    sentence = f"{claim} {numbers}, {on}"
    return Trend(metric, len(values), max(1, len(seeds)), slope, interval, outcome, sentence)


def _slope(sizes: Values, by_seed: Sequence[Sequence[float]]) -> tuple[float, Interval | None]:
    slopes = [slope_interval(sizes, np.array(values))[0] for values in by_seed]
    return (float(np.mean(slopes)), t_interval(slopes)) if slopes else (math.nan, None)


def _without_common(values: dict[int, dict[int, MetricValue]]) -> str:
    single = all(len(found) == 1 for found in values.values())
    return f"{len(values)} models on 1 seed" if single else f"{len(values)} models, means over seeds that differ"
