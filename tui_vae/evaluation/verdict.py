"""The answer in all: does a model generate better than the baseline?

The rule, over the m metrics that speak of generation and are given by both models:

- *better* when the model is better in more than half of them and worse in none of the key ones;
- *worse* when it is worse in more than half and better in none of the key ones;
- *mixed* when it is better in some and worse in some, but neither of these;
- *not told apart* otherwise: what is told apart, if anything, is too little.

Key are the likelihoods, the Fréchet distance and the coverage: each of them alone is a measure of the whole
distribution, where precision or the classifier's score can be had by drawing one good image over and over.

Each metric is judged by its own 95 % interval, without a correction for their number, and metrics of the same samples
agree by chance, too. The majority guards against that whatever their dependence: for equal models a metric is better by
chance in 2.5 % of all cases, so by Markov's inequality more than half of them are in less than 5 %.

Samples with the decoder's noise are counted apart: the same samples must not vote twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui_vae.metrics import NOISY, Answer, Difference, ModelAnswer, metric_of, title_of

KEY = frozenset({"exact_log_likelihood", "ais", "iwae", "frechet_distance", "coverage"})


def answer(model: str, baseline: str, differences: Sequence[Difference]) -> ModelAnswer:
    """The answer for one model.

    Args:
        model: Its name.
        baseline: The baseline's.
        differences: Of this model, in all metrics; those that do not speak of generation are passed over.
    """
    speaking = [d for d in differences if metric_of(d.metric).generates and d.metric == d.against]
    counted = [d for d in speaking if not d.metric.endswith(NOISY)]
    noisy = [d for d in speaking if d.metric.endswith(NOISY)]
    if not counted:
        text = (
            f"Whether {model} generates better than {baseline} is not known: no metric of generation is given by both."
        )
        return ModelAnswer(model, "not told apart", text)
    outcome = _outcome(counted)
    claim = {
        "better": f"{model} generates better than {baseline}",
        "worse": f"{model} generates worse than {baseline}",
        "mixed": f"{model} generates neither better nor worse than {baseline}",
        "not told apart": f"{model} and {baseline} are not told apart as generators",
    }[outcome]
    sentence = f"{claim}: {_counts(counted, 'worse' if outcome == 'worse' else 'better')}, {_seeds(counted)}."
    if noisy:
        better, worse = (sum(d.outcome == outcome for d in noisy) for outcome in ("better", "worse"))
        sentence += f" On samples with the decoder's noise it is better in {better} of {len(noisy)}, worse in {worse}."
    return ModelAnswer(model, outcome, sentence)


def _outcome(counted: Sequence[Difference]) -> Answer:
    better = {d.metric for d in counted if d.outcome == "better"}
    worse = {d.metric for d in counted if d.outcome == "worse"}
    if 2 * len(better) > len(counted) and not worse & KEY:
        return "better"
    if 2 * len(worse) > len(counted) and not better & KEY:
        return "worse"
    return "mixed" if better and worse else "not told apart"


def _counts(counted: Sequence[Difference], first: str) -> str:
    """How many are ``first``, better or worse, and which are not."""
    second = "better" if first == "worse" else "worse"
    titles = {
        outcome: [title_of(d.metric) for d in counted if d.outcome == outcome]
        for outcome in ("better", "worse", "not told apart")
    }
    metrics = "metric that speaks" if len(counted) == 1 else "metrics that speak"
    text = f"{first} in {len(titles[first])} of {len(counted)} {metrics} of generation"
    text += f", {second} in {', '.join(titles[second]) or 'none'}"
    return text + (f", not told apart in {', '.join(titles['not told apart'])}" if titles["not told apart"] else "")


def _seeds(counted: Sequence[Difference]) -> str:
    numbers = sorted({d.seeds for d in counted})
    if numbers == [1]:
        return "on 1 seed: the spread between seeds is not known"
    return f"on {numbers[0]} seeds" if len(numbers) == 1 else f"on {numbers[0]} to {numbers[-1]} seeds"
