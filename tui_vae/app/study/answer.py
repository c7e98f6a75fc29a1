"""The answer of a study: its evaluated trials compared, setting by setting. Loads neither torch nor Ray."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from tui_vae.app.study.planning import StudyView
from tui_vae.codec import to_builtins
from tui_vae.config import EvaluationConfig, TrainConfig
from tui_vae.config.study import Study, Trial, option_word
from tui_vae.evaluation.comparison import compare
from tui_vae.evaluation.intervals import t_interval
from tui_vae.evaluation.seed_groups import Setting, TrainedModel
from tui_vae.events import Evaluation
from tui_vae.metrics import METRICS, NOISY, spacing_of
from tui_vae.results import COLUMNS, evaluation_rows, results_object
from tui_vae.run_store.evaluations import StoredEvaluation, read_evaluation
from tui_vae.run_store.study import StudyDirectory, read_study
from tui_vae.view.study import TrialRow
from tui_vae.view.study_answer import PARAMETERS, SettingAnswer, StudyAnswer, StudyLine, setting_label


@dataclass(frozen=True)
class TrialResult:
    """An evaluated trial."""

    trial: Trial
    config: TrainConfig
    stored: StoredEvaluation

    @property
    def evaluation(self) -> Evaluation:
        return self.stored.result

    def trained(self) -> TrainedModel:
        """As it is compared."""
        dequantized = bool(self.stored.settings.get("dequantize"))
        setting = Setting.of(self.config, dequantized=dequantized, protocol=self.evaluation.protocol)
        result = structs.replace(self.evaluation, model=self.trial.model, seed=self.trial.seed)
        return TrainedModel(self.trial.id, setting, result, self.stored.per_image)


class StudyResults:
    """The trials of a study and the evaluations of those that are finished.

    Args:
        directory: The study's folder.
        config: Only evaluations of these metrics and sizes; ``None`` takes any.

    Raises:
        RunStoreError: The study cannot be read.
        UsageError: Its options are not of this version.
    """

    def __init__(self, directory: StudyDirectory, config: EvaluationConfig | None = None) -> None:
        self.directory = directory
        self.study: Study = read_study(directory)
        self.rows: Sequence[TrialRow] = StudyView(directory, self.study).rows
        self._config = config
        self.found: list[TrialResult] = []
        self.unevaluated: list[TrialRow] = []
        self.read()

    def read(self) -> None:
        """Read the evaluations of the trials that are finished, once more."""
        self.found, self.unevaluated = [], []
        # The values of single images tell models apart on one seed; on several they have no use, and are many.
        with_images = self.study.base.seeds == 1
        for row in self.rows:
            if row.state != "finished":
                continue
            stored = read_evaluation(self.directory.run(row.trial), row.trial.model, per_image=with_images)
            if stored is None or not self._is_wanted(stored, row.config):
                self.unevaluated.append(row)
            else:
                self.found.append(TrialResult(row.trial, row.config, stored))

    def _is_wanted(self, stored: StoredEvaluation, config: TrainConfig) -> bool:
        return self._config is None or stored.settings == self._config.resolved(config).identity()

    def answer(self, baseline: str | None = None) -> StudyAnswer:
        """Compare the models of each setting.

        Args:
            baseline: Name of the model to compare with; by default that of the fewest parameters.

        Raises:
            UsageError: There is no model of that name.
        """
        settings: dict[str, list[TrialResult]] = {setting_label(trial.settings): [] for trial in self.study.trials}
        for result in self.found:
            settings[setting_label(result.trial.settings)].append(result)
        answers = []
        for label, results in settings.items():
            if results:
                found = compare((result.trained() for result in results), baseline)
                answers.append(SettingAnswer(label, results[0].trial.settings, found.summaries, found.verdict))
        missing: dict[str, int] = {}
        for row in self.rows:
            if row.state != "finished":
                missing[row.state] = missing.get(row.state, 0) + 1
        given = {value.metric for result in self.found for value in result.evaluation.metrics}
        return StudyAnswer(
            name=self.study.name,
            vary=tuple(self.study.vary),
            trials=len(self.rows),
            used=len(self.found),
            missing=missing,
            unevaluated=len(self.unevaluated),
            settings=tuple(answers),
            metrics=tuple(name for name in (*METRICS, *(f"{name}{NOISY}" for name in METRICS)) if name in given),
        )

    def lines(self, metric: str, axis: str = PARAMETERS) -> tuple[StudyLine, ...]:
        """A metric over the number of parameters, a line for each setting, or over an option that varies."""
        return lines_of(_points(self.found, metric), axis)

    def as_json(self, answer: StudyAnswer) -> str:
        """The answer as one line of JSON."""
        return json.dumps(_record(answer), allow_nan=False)

    def as_csv(self) -> str:
        """One row for each metric of each trial, below a header; a value that is no number is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        varied = [option_word(name) for name in self.study.vary]
        columns = [name for name in COLUMNS if name != "run"]
        writer.writerow(["trial", *varied, "parameters", *columns])
        for result in self.found:
            settings = [result.trial.settings[name] for name in self.study.vary]
            for row in evaluation_rows(result.trial.id, result.evaluation):
                values = (row[name] for name in columns)
                numbers = ("" if isinstance(v, float) and not math.isfinite(v) else v for v in values)
                writer.writerow([result.trial.id, *settings, result.evaluation.parameters.total, *numbers])
        return text.getvalue()


@dataclass(frozen=True)
class StudyPoint:
    """The value of a metric of one trial; ``spacing`` is the distance between values that the metric can have."""

    trial: Trial
    parameters: int
    value: float
    spacing: float = 0.0

    def place(self, axis: str) -> float | None:
        """Where it lies on an axis; ``None`` for what is no number, such as a learned sigma."""
        value = self.parameters if axis == PARAMETERS else self.trial.settings.get(axis)
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _points(results: Iterable[TrialResult], metric: str) -> list[StudyPoint]:
    return [
        StudyPoint(result.trial, result.evaluation.parameters.total, value.value, spacing_of(value))
        for result in results
        for value in result.evaluation.metrics
        if value.metric == metric
    ]


def lines_of(points: Iterable[StudyPoint], axis: str) -> tuple[StudyLine, ...]:
    """Gather values into lines: over parameters one a setting, over an option one for each model and other setting."""
    lines: dict[str, dict[float, list[StudyPoint]]] = {}
    for point in points:
        place = point.place(axis)
        if place is None or not math.isfinite(point.value):
            continue
        parts = [] if axis == PARAMETERS else [point.trial.model]
        label = ", ".join(filter(None, [*parts, setting_label(point.trial.settings, axis)]))
        lines.setdefault(label, {}).setdefault(place, []).append(point)
    return tuple(_line(label, dict(sorted(places.items()))) for label, places in lines.items())


def _line(label: str, places: Mapping[float, Sequence[StudyPoint]]) -> StudyLine:
    # Two models of one size stand above each other: what is of one seed of both is no sample of either.
    single = {x: len({point.trial.model for point in found}) == 1 for x, found in places.items()}
    return StudyLine(
        label=label,
        x=tuple(places),
        mean=tuple(sum(point.value for point in found) / len(found) for found in places.values()),
        interval=tuple(
            t_interval([point.value for point in found], spacing=found[0].spacing) if single[x] else None
            for x, found in places.items()
        ),
        marks=tuple((x, point.trial.seed, point.value) for x, found in places.items() for point in found),
    )


def _record(answer: StudyAnswer) -> dict[str, Any]:
    settings = []
    for one in answer.settings:
        models = {
            summary.model: {"parameters": summary.parameters, "seeds": list(summary.seeds)} for summary in one.summaries
        }
        results = results_object({summary.model: summary.values for summary in one.summaries}, one.verdict)
        for name, values in results["models"].items():
            models[name]["metrics"] = values
        verdict = results["verdict"]
        settings.append(
            {"settings": to_builtins(one.settings), "sentence": one.sentence, "models": models, "verdict": verdict}
        )
    return {
        "v": 1,
        "study": answer.name,
        "trials": answer.trials,
        "used": answer.used,
        "missing": dict(answer.missing),
        "unevaluated": answer.unevaluated,
        "settings": settings,
    }
