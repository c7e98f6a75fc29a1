"""The verdict: whether one model generates better than another, from the differences in all metrics.

Over several seeds the intervals of the differences hold for training again, and the verdict is on the architectures. On
one seed they hold for drawing other samples of the same weights, and two seeds of one architecture differ by more than
that: the verdict then says what the samples say, and that training again is not in it.

Where neither of two models draws anything like the data, that comes first: of two that hardly began to learn, one may
be ahead in most metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui_vae.evaluation.seed_groups import Architecture
from tui_vae.metrics import (
    NOISY,
    Answer,
    Difference,
    MetricValue,
    ModelAnswer,
    Outcome,
    format_with_unit,
    metric_of,
    title_of,
)

LIKELIHOODS = ("exact_log_likelihood", "ais", "iwae")
"""Estimates of the same likelihood, the surest first."""

KEY = frozenset({*LIKELIHOODS, "frechet_distance", "coverage"})


VARIETY = ("recall", "coverage")
"""Metrics that are high only for samples as varied as the data, and that have a floor."""

FAR = 0.1
"""Share of its floor below which a metric of variety is far from the data's."""

OF_ONE_SEED = " The intervals are of these weights, not of training again: give several --seeds to compare the models."


def answer(model: str, baseline: str, differences: Sequence[Difference], first: str = "") -> ModelAnswer:
    """Whether one model generates better than another.

    The rule, over the metrics of generation that both models have, in which all likelihoods are one:

    - *better* when the model is better in more than half of them and worse in none of the key ones;
    - *worse* when it is worse in more than half and better in none of the key ones;
    - *mixed* when it is better or worse in more than half, but neither of these;
    - *not told apart* otherwise, and always on one seed.

    Key are the likelihood, the Fréchet distance and the coverage: each of them alone is a measure of the whole
    distribution, where precision or the classifier's score can be had by drawing one good image over and over.

    Each metric is judged by its own 95 % interval, without a correction for their number, and metrics of the same
    samples agree by chance, too. The majority guards against that whatever their dependence: for equal models a
    metric is significant by chance in 5 % of all cases, so by Markov's inequality more than half of them are in less
    than 10 %; in 5 % if all agree.

    Samples with the decoder's noise are counted apart: the same samples must not vote twice.

    Args:
        model: Its name.
        baseline: The baseline's.
        differences: Of this model, in all metrics; those not of generation are skipped.
        first: What a reader has to know before the answer: whole sentences.
    """
    outcome, sentence = _answer(model, baseline, differences)
    return ModelAnswer(model, outcome, " ".join(filter(None, (first, sentence))), baseline)


def unlike_data(model: Architecture, baseline: Architecture) -> str:
    """A sentence if neither of two models draws images like the data; empty otherwise.

    A model does not if all metrics of variety that it has are below a tenth of their floors, which is what images of
    the data reach in place of samples.
    """
    found = [(_mean(model, name), _mean(baseline, name)) for name in VARIETY]
    both = [(first, second) for first, second in found if first is not None and second is not None]
    if not both or any(value.value >= FAR * (value.floor or 0) for pair in both for value in pair):
        return ""
    parts = (
        f"{title_of(first.metric)} {_formatted(first)} and {_formatted(second)}, of test images "
        f"{format_with_unit(first.metric, first.floor or 0)}"
        for first, second in both
    )
    return f"Neither {model.label} nor {baseline.label} draws images like the data ({'; '.join(parts)})."


def _mean(architecture: Architecture, metric: str) -> MetricValue | None:
    """The mean over seeds, where it has a floor above 0."""
    values = list(architecture.values(metric).values())
    floors = [value for value in values if value.floor is not None and value.floor > 0]
    if not floors:
        return None
    return replace(floors[0], value=sum(value.value for value in values) / len(values))


def _formatted(value: MetricValue) -> str:
    return format_with_unit(value.metric, value.value)


def not_alike(model: Architecture, baseline: Architecture) -> str:
    """A sentence on the options of training in which two models differ; empty without any."""
    unlike = model.setting.unlike(baseline.setting)
    if not unlike:
        return ""
    options = ", ".join(f"{name} {own} against {other}" for name, own, other in unlike)
    return f"{model.label} and {baseline.label} were not trained alike: {options}."


def _answer(model: str, baseline: str, differences: Sequence[Difference]) -> tuple[Answer, str]:
    of_generation = [d for d in differences if metric_of(d.metric).generates and d.metric == d.against]
    counted = _votes([d for d in of_generation if not d.metric.endswith(NOISY)])
    noisy = [d for d in of_generation if d.metric.endswith(NOISY)]
    if not counted:
        text = (
            f"Whether {model} generates better than {baseline} is not known: no metric of generation is given by both."
        )
        return "not told apart", text
    if min(d.seeds for d in counted) == 1:
        return "not told apart", _of_one_seed(model, baseline, counted, noisy)
    outcome = _outcome(counted)
    claim = {
        "better": f"{model} generates better than {baseline}",
        "worse": f"{model} generates worse than {baseline}",
        "mixed": f"{model} generates neither better nor worse than {baseline}",
        "not told apart": f"{model} and {baseline} do not differ significantly as generators",
    }[outcome]
    first: Outcome = "worse" if outcome == "worse" else "better"
    second: Outcome = "better" if outcome == "worse" else "worse"
    counts = f"{first} in {_how_many(counted, first)}, {_which(counted, second, second)}"
    sentence = f"{claim}: {counts}, {_seeds(counted)}."
    return outcome, sentence + _of_noisy(noisy, "it is better", "worse")


def _votes(differences: Sequence[Difference]) -> list[Difference]:
    """The differences without all likelihoods but the surest: they would say the same thing several times."""
    given = {d.metric for d in differences}
    surest = next((name for name in LIKELIHOODS if name in given), None)
    return [d for d in differences if d.metric == surest or d.metric not in LIKELIHOODS]


def _outcome(counted: Sequence[Difference]) -> Answer:
    better = {d.metric for d in counted if d.outcome == "better"}
    worse = {d.metric for d in counted if d.outcome == "worse"}
    if 2 * len(better) > len(counted) and not worse & KEY:
        return "better"
    if 2 * len(worse) > len(counted) and not better & KEY:
        return "worse"
    return "mixed" if 2 * len(better | worse) > len(counted) else "not told apart"


def _of_one_seed(model: str, baseline: str, counted: Sequence[Difference], noisy: Sequence[Difference]) -> str:
    return (
        f"On 1 seed {model} is ahead of {baseline} in {_how_many(counted, 'better')}, "
        f"{_which(counted, 'worse', 'behind')}.{_of_noisy(noisy, 'it is ahead', 'behind')}{OF_ONE_SEED}"
    )


def _of_noisy(noisy: Sequence[Difference], better_is: str, worse_is: str) -> str:
    """A sentence on samples with noise; empty if there are none."""
    if not noisy:
        return ""
    better, worse = (sum(d.outcome == outcome for d in noisy) for outcome in ("better", "worse"))
    return f" On samples with the decoder's noise {better_is} in {better} of {len(noisy)}, {worse_is} in {worse}."


def _how_many(counted: Sequence[Difference], outcome: Outcome) -> str:
    metrics = "metric" if len(counted) == 1 else "metrics"
    return f"{sum(d.outcome == outcome for d in counted)} of {len(counted)} {metrics} of generation"


def _which(counted: Sequence[Difference], outcome: Outcome, word: str) -> str:
    """The metrics with an outcome, in this word, those that are not significant, and those of unknown error."""
    named, rest, unknown = (
        ", ".join(title_of(d.metric) for d in counted if d.outcome == o)
        for o in (outcome, "not told apart", "not known")
    )
    parts = [f"{word} in {named or 'none'}"]
    parts += [f"no significant difference in {rest}"] if rest else []
    parts += [f"not known in {unknown}, without an interval"] if unknown else []
    return ", ".join(parts)


def _seeds(counted: Sequence[Difference]) -> str:
    numbers = sorted({d.seeds for d in counted})
    return f"on {numbers[0]} seeds" if len(numbers) == 1 else f"on {numbers[0]} to {numbers[-1]} seeds"
