"""Models and seeds against each other: means, differences to a baseline, trends, and the verdict.

What can be compared is decided here. Runs of several data sets are refused: neither their likelihoods nor their
features have anything in common. Across sigmas, or with and without dequantisation, only what is measured on samples is
compared, for the densities are of other noise. Values of other sizes or sources are left out and told of: most measures
on samples depend on their number. Several zdim are compared, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui_vae.errors import UsageError
from tui_vae.evaluation.differences import EXACT, LIKELIHOODS, difference, proof
from tui_vae.evaluation.seed_groups import Architecture, TrainedModel, all_metrics, gather, not_numbers, summary
from tui_vae.evaluation.trend import can_have_trend, trend
from tui_vae.evaluation.verdict import answer
from tui_vae.metrics import Difference, ModelSummary, Trend, Verdict


@dataclass(frozen=True)
class Comparison:
    """Every architecture over its seeds, by number of parameters, and what the differences say."""

    summaries: tuple[ModelSummary, ...]
    verdict: Verdict


def compare(models: Iterable[TrainedModel], baseline: str | None = None) -> Comparison:
    """Compare trained models.

    Args:
        models: Of one run or several, at least one.
        baseline: Name of the architecture to compare with; that of the fewest parameters if none is named.

    Raises:
        UsageError: There is no model, none of that name, several data sets, or the same model twice.
    """
    architectures = gather(models)
    if not architectures:
        raise UsageError("there is no model to compare")
    names = sorted({architecture.setting.data for architecture in architectures})
    if len(names) > 1:
        raise UsageError(f"runs of {' and '.join(names)} cannot be compared: choose runs of one data set")
    chosen = _chosen(architectures, baseline)
    others = [architecture for architecture in architectures if architecture is not chosen]
    notes = [_settings(architectures)]
    for architecture in architectures:
        notes += not_numbers(architecture)
    summaries = tuple(summary(architecture) for architecture in architectures)
    if not others:
        sentence = f"Only {chosen.label} was evaluated: there is nothing to compare it with."
        return Comparison(summaries, Verdict(sentence, None, (), (), (), tuple(notes)))
    answers, differences = [], []
    for other in others:
        found, left_out = _against(other, chosen)
        differences += found
        notes += left_out
        answers.append(answer(other.label, chosen.label, found))
    trends, without = _trends(architectures)
    verdict = Verdict(
        sentence=" ".join(one.sentence for one in answers),
        baseline=chosen.label,
        answers=tuple(answers),
        differences=tuple(differences),
        trends=trends,
        notes=(*notes, *without),
    )
    return Comparison(summaries, verdict)


def _chosen(architectures: Sequence[Architecture], name: str | None) -> Architecture:
    """The baseline."""
    if name is None:
        return architectures[0]
    labels = ", ".join(architecture.label for architecture in architectures)
    exact = [architecture for architecture in architectures if architecture.label == name]
    found = exact or [
        architecture
        for architecture in architectures
        if any(model.evaluation.model == name for model in architecture.by_seed.values())
    ]
    if not found:
        raise UsageError(f"no model is named {name}; there are: {labels}")
    if len(found) > 1:
        raise UsageError(f"several models are named {name}; choose one of: {labels}")
    return found[0]


def _against(model: Architecture, baseline: Architecture) -> tuple[list[Difference], list[str]]:
    """The differences of a model to the baseline in all metrics, and sentences on those that have none."""
    notes = _unmatched(model, baseline)
    differences = []
    same_density = (model.setting.sigma, model.setting.dequantized) == (
        baseline.setting.sigma,
        baseline.setting.dequantized,
    )
    if not same_density:
        what = "sigma" if model.setting.sigma != baseline.setting.sigma else "dequantisation"
        notes.append(f"{model.label} has another {what} than {baseline.label}: their likelihoods are not compared")
    proven = proof(model, baseline) if same_density else None
    for metric in all_metrics([model, baseline]):
        # An exact value that only one of them has is held against the other's bound.
        if (metric in LIKELIHOODS and not same_density) or (metric == EXACT and proven is not None):
            continue
        found = difference(metric, model, baseline)
        if isinstance(found, Difference):
            differences.append(found)
        else:
            notes.append(found)
    return [*differences, *([proven] if proven else [])], notes


def _unmatched(model: Architecture, baseline: Architecture) -> list[str]:
    """A sentence on seeds that one of the two lacks, and what is done about them."""
    own, others = set(model.by_seed), set(baseline.by_seed)
    common = len(own & others)
    if own == others:
        return []
    names = f"{model.label} and {baseline.label}"
    if common > 1:
        left = ", ".join(str(seed) for seed in sorted(own ^ others))
        return [f"{names} are compared on the {common} seeds that they share; others are left out: {left}"]
    if min(len(own), len(others)) > 1:
        return [f"{names} share fewer than 2 seeds: their seeds are taken as independent"]
    seeds = (min(own & others),) if common else (min(own), min(others))
    return [
        f"{names} are compared on seed {' against '.join(str(seed) for seed in seeds)} alone: one of them has no other"
    ]


def _settings(architectures: Sequence[Architecture]) -> str:
    """Data set, sigma and zdim, which decide what the numbers mean."""
    first = architectures[0].setting
    sigmas = sorted({a.setting.sigma for a in architectures})
    zdims = [str(zdim) for zdim in sorted({a.setting.zdim for a in architectures})]
    noise = ", dequantized" if all(a.setting.dequantized for a in architectures) else ""
    return f"{first.data}, sigma {' and '.join(sigmas)}, zdim {' and '.join(zdims)}{noise}"


def _trends(architectures: Sequence[Architecture]) -> tuple[tuple[Trend, ...], list[str]]:
    if not can_have_trend(architectures):
        if len(architectures) < 3:
            return (), []
        return (), ["a trend with size takes three models of distinct size with the same sigma"]
    found = [trend(metric, architectures) for metric in all_metrics(architectures)]
    return tuple(one for one in found if one is not None), []
