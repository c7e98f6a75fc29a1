"""The verdict: whether one model generates better than another, from the differences in all metrics.

Over several seeds the intervals of the differences hold for training again, and the verdict is on the architectures. On
one seed they hold for drawing other samples of the same weights, and two seeds of one architecture differ by more than
that: the verdict then says what the samples say, and that training again is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui_vae.metrics import NOISY, Answer, Difference, ModelAnswer, Outcome, metric_of, title_of

LIKELIHOODS = ("exact_log_likelihood", "ais", "iwae")
"""Estimates of the same likelihood, the surest first."""

KEY = frozenset({*LIKELIHOODS, "frechet_distance", "coverage"})


def answer(model: str, baseline: str, differences: Sequence[Difference]) -> ModelAnswer:
    """Whether one model generates better than the baseline.

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
    """
    of_generation = [d for d in differences if metric_of(d.metric).generates and d.metric == d.against]
    counted = _votes([d for d in of_generation if not d.metric.endswith(NOISY)])
    noisy = [d for d in of_generation if d.metric.endswith(NOISY)]
    if not counted:
        text = (
            f"Whether {model} generates better than {baseline} is not known: no metric of generation is given by both."
        )
        return ModelAnswer(model, "not told apart", text)
    if min(d.seeds for d in counted) == 1:
        return ModelAnswer(model, "not told apart", _of_one_seed(model, baseline, counted, noisy))
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
    return ModelAnswer(model, outcome, sentence + _of_noisy(noisy, "it is better", "worse"))


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
        f"{_which(counted, 'worse', 'behind')}.{_of_noisy(noisy, 'it is ahead', 'behind')} "
        "The intervals are of these weights, not of training again: give several --seeds to compare the models."
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
    """The metrics with an outcome, in this word, and those that are not significant."""
    named, rest = (
        ", ".join(title_of(d.metric) for d in counted if d.outcome == o) for o in (outcome, "not told apart")
    )
    return f"{word} in {named or 'none'}" + (f", no significant difference in {rest}" if rest else "")


def _seeds(counted: Sequence[Difference]) -> str:
    numbers = sorted({d.seeds for d in counted})
    return f"on {numbers[0]} seeds" if len(numbers) == 1 else f"on {numbers[0]} to {numbers[-1]} seeds"
