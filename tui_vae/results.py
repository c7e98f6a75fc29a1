"""Results of an evaluation for other programs: one object of JSON, and rows of CSV.

A value that is not finite is null in JSON and empty in CSV. Values are as measured: shares from 0 to 1, likelihoods in
nats.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tui_vae.codec import to_builtins
from tui_vae.events import Evaluation
from tui_vae.metrics import MetricValue, Verdict

VERSION = 1
COLUMNS = ("model", "metric", "value", "low", "high", "floor", "n", "source", "seed", "run")


def results_object(
    models: Mapping[str, Sequence[MetricValue]],
    verdict: Verdict | None,
    options: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """The results as JSON values.

    Args:
        models: Values by the name of the model, or means over seeds by the name of the architecture.
        verdict: ``None`` where models were not compared.
        options: Those in which compared runs differ, as text by name and run; ``None`` where runs were not compared.
    """
    return {
        "v": VERSION,
        "models": {name: {value.metric: _entry(value) for value in values} for name, values in models.items()},
        "verdict": to_builtins(verdict),
        **({} if options is None else {"options": {name: dict(values) for name, values in options.items()}}),
    }


def results_json(
    models: Mapping[str, Sequence[MetricValue]],
    verdict: Verdict | None,
    options: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """:func:`results_object` as one line, in ASCII whatever the names in it."""
    return json.dumps(results_object(models, verdict, options), allow_nan=False)


def results_csv(evaluations: Iterable[tuple[str, Evaluation]]) -> str:
    """One row for each metric of each trained model, below a header.

    Args:
        evaluations: Each with the name of its run.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run, evaluation in evaluations:
        for row in evaluation_rows(run, evaluation):
            numbers = {name: _number(value) for name, value in row.items() if isinstance(value, float)}
            writer.writerow((row | numbers)[name] for name in COLUMNS)
    return text.getvalue()


def evaluation_rows(run: str, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """The values of each metric, with what they are of. A number that there is not is NaN."""
    of_model = {"run": run, "model": evaluation.model, "seed": evaluation.seed}
    of_weights = {"epoch": evaluation.epoch, "step": evaluation.step}
    of_evaluation = {"time": evaluation.t, "protocol": evaluation.protocol}
    for value in evaluation.metrics:
        low, high = _ends(value.interval) or (math.nan, math.nan)
        floor = math.nan if value.floor is None else value.floor
        numbers = {"value": value.value, "low": low, "high": high, "floor": floor, "n": value.n}
        yield of_model | of_weights | of_evaluation | {"metric": value.metric, "source": value.source} | numbers


def _entry(value: MetricValue) -> dict[str, Any]:
    fields = to_builtins(value)
    del fields["metric"]
    fields["interval"], fields["floor_interval"] = _ends(value.interval), _ends(value.floor_interval)
    return dict(fields)


def _ends(interval: tuple[float, ...] | None) -> list[float] | None:
    """The interval, where it is two numbers."""
    if interval is None or len(interval) != 2 or not all(map(math.isfinite, interval)):
        return None
    return list(interval)


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else ""
