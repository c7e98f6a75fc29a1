"""What a study answers: how metrics go with the size of the model in every setting, and what is missing for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tui_vae.config.study import Setting, option_word
from tui_vae.metrics import NOISY, ArchitectureSummary, Difference, Plateau, Verdict, metric_of, title_of
from tui_vae.view.metric_rows import Number, number

PARAMETERS = "parameters"
"""The axis of a study's charts unless an option that varies is chosen."""

_LIKELIHOODS = ("ais", "iwae", "elbo")
_KEY = ("frechet_distance", "coverage")


@dataclass(frozen=True)
class StudyLine:
    """A metric of one model or setting over an axis: means with their intervals, and the values of single seeds.

    Attributes:
        label: Of the setting, or of the model.
        x: Places on the axis, ascending.
        mean: Over the seeds, at each place.
        interval: 95 % of each mean; ``None`` with one seed.
        marks: Place, seed and value of every trial.
    """

    label: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    interval: tuple[tuple[float, float] | None, ...]
    marks: tuple[tuple[float, int, float], ...]


@dataclass(frozen=True)
class SettingAnswer:
    """The models of one setting of what varies.

    Attributes:
        label: Such as ``sigma 0.2, zdim 8``; empty where nothing varies.
        settings: The value of each option that varies.
        summaries: Each model over its seeds, by number of parameters.
        verdict: Their differences, trends and plateaus.
    """

    label: str
    settings: Mapping[str, Setting]
    summaries: tuple[ArchitectureSummary, ...]
    verdict: Verdict

    def difference(self, metric: str, model: str) -> Difference | None:
        """That of a model to the simplest one, or to the one that was chosen."""
        found = self.verdict.between(model, self.verdict.baseline or "")
        return next((one for one in found if one.metric == one.against == metric), None)

    def rows(self, metric: str) -> Iterator[tuple[ArchitectureSummary, Number, Difference | None]]:
        """Yield each model that has the metric, with its value and its difference."""
        for summary in self.summaries:
            value = next((value for value in summary.values if value.metric == metric), None)
            if value is not None:
                yield summary, number(metric, value.value, value.interval), self.difference(metric, summary.model)

    @property
    def sentence(self) -> str:
        """From which size on more does not help, in the likelihood, the Fréchet distance and the coverage."""
        at = f"At {self.label}" if self.label else "In all"
        chosen = _chosen(self.verdict.plateaus)
        shared = set.intersection(*(set(one.seeds) for one in self.summaries))
        if not chosen and len(shared) < 2:
            return f"{at}: the models share fewer than 2 seeds, which say nothing of training again."
        if not chosen:
            return f"{at}: {self.verdict.sentence}"
        sizes: dict[tuple[str, int], list[Plateau]] = {}
        for one in chosen:
            sizes.setdefault((one.model, one.parameters), []).append(one)
        parts = [self._part(*size, found) for size, found in sorted(sizes.items(), key=lambda item: item[0][1])]
        return f"{at}, {_span([one.models for one in chosen], 'models')} on {_seeds(chosen)}: {'; '.join(parts)}."

    def _part(self, model: str, parameters: int, found: Sequence[Plateau]) -> str:
        titles, size = _listed([title_of(one.metric) for one in found]), f"{model} ({parameters:,} parameters)"
        if found[0].most is None:
            return f"in {titles} more parameters help up to the largest model, {size}"
        if model == self.summaries[0].model:
            return f"in {titles} no larger model is significantly better than {size}"
        return f"in {titles} more parameters help up to {size}, and not significantly beyond"


@dataclass(frozen=True)
class StudyAnswer:
    """The answer of a study by those of its trials that are finished and evaluated.

    Attributes:
        name: Of the study.
        vary: The options that vary, as they are typed.
        trials: How many there are in all.
        used: How many the answer rests on.
        missing: How many are in each other state.
        unevaluated: How many are finished and have no evaluation.
        settings: One for each setting of which any trial is evaluated.
        metrics: Names of all results, in the order of the tables.
    """

    name: str
    vary: tuple[str, ...]
    trials: int
    used: int
    missing: Mapping[str, int]
    unevaluated: int
    settings: tuple[SettingAnswer, ...]
    metrics: tuple[str, ...]

    @property
    def key_metrics(self) -> tuple[str, ...]:
        """The metrics that are shown where not all are: the ELBO, a likelihood, the Fréchet distance, the coverage."""
        likelihood = next((name for name in _LIKELIHOODS if name in self.metrics), None)
        return tuple(name for name in dict.fromkeys(("elbo", likelihood, *_KEY)) if name in self.metrics)

    @property
    def directed(self) -> tuple[str, ...]:
        """The metrics of which one direction is better and that several models have, without those of noisy samples."""
        several = {
            name
            for one in self.settings
            for name, number in Counter(value.metric for summary in one.summaries for value in summary.values).items()
            if number > 1
        }
        return tuple(
            name
            for name in self.metrics
            if name in several and not name.endswith(NOISY) and metric_of(name).better != "neither"
        )

    @property
    def incomplete(self) -> str | None:
        """A sentence on the trials without which the answer is given; ``None`` if it has all."""
        absent = self.trials - self.used
        if not absent:
            return None
        states = [f"{number:,} {state}" for state, number in self.missing.items()]
        if self.unevaluated:
            states.append(f"{self.unevaluated:,} finished without an evaluation")
        rest = f"the answer is that of the other {self.used:,}" if self.used else "there is no answer yet"
        verb = "is" if absent == 1 else "are"
        return f"{absent:,} of {self.trials:,} trials {verb} missing ({', '.join(states)}): {rest}."


def setting_label(settings: Mapping[str, Setting], without: str | None = None) -> str:
    """A setting in words: ``sigma 0.2, zdim 8``."""
    return ", ".join(f"{option_word(name)} {_value(value)}" for name, value in settings.items() if name != without)


def _value(value: Setting) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _chosen(plateaus: Sequence[Plateau]) -> list[Plateau]:
    found = {one.metric: one for one in plateaus}
    likelihood = next((name for name in _LIKELIHOODS if name in found), "")
    return [found[name] for name in (likelihood, *_KEY) if name in found]


def _seeds(plateaus: Sequence[Plateau]) -> str:
    return _span([one.seeds for one in plateaus], "seeds")


def _span(numbers: Sequence[int], what: str) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low} {what}" if low == high else f"{low} to {high} {what}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
