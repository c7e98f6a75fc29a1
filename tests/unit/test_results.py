"""Results for other programs: the shapes of the JSON object and of the CSV rows."""

from __future__ import annotations

import csv
import io
import json
import math

from tests.unit.evaluation.trained_models import measured, over_seeds, trained
from tui_vae.codec import convert
from tui_vae.evaluation.comparison import compare
from tui_vae.metrics import MetricValue, Verdict
from tui_vae.results import results_csv, results_json


def test_json_has_the_shape_that_is_promised() -> None:
    values = [
        MetricValue("recall", 0.7, (0.69, 0.71), 0.97, 10_000, "decoder means", (0.96, 0.98)),
        measured("kl", 56.7),
    ]
    assert json.loads(results_json({"deep": values}, None)) == {
        "v": 1,
        "models": {
            "deep": {
                "recall": {
                    "value": 0.7,
                    "interval": [0.69, 0.71],
                    "floor": 0.97,
                    "n": 10_000,
                    "source": "decoder means",
                    "floor_interval": [0.96, 0.98],
                },
                "kl": {
                    "value": 56.7,
                    "interval": None,
                    "floor": None,
                    "n": 10_000,
                    "source": "decoder means",
                    "floor_interval": None,
                },
            }
        },
        "verdict": None,
    }


def test_what_is_no_number_is_null_in_json() -> None:
    values = [
        MetricValue("kid", math.nan, (math.nan, 1.0), math.inf, 5, "x", (0.0, math.inf)),
        MetricValue("ais", -math.inf, None, None, 5, "x"),
    ]
    entries = json.loads(results_json({"深い": values}, None))["models"]["深い"]
    kid = entries["kid"]
    assert (kid["value"], kid["interval"], kid["floor"], kid["floor_interval"]) == (None, None, None, None)
    assert entries["ais"]["value"] is None
    assert results_json({"深い": values}, None).isascii()


def test_an_interval_of_other_than_two_ends_is_left_out() -> None:
    value = MetricValue("kid", 0.1, (0.0, 0.1, 0.2), None, 5, "x")
    assert json.loads(results_json({"deep": [value]}, None))["models"]["deep"]["kid"]["interval"] is None
    assert results_csv([("run", trained("deep", 0, value).evaluation)]).splitlines()[1] == "deep,kid,0.1,,,,5,x,0,run"


def test_the_verdict_is_read_back_as_it_was() -> None:
    models = [
        *over_seeds("baseline", "recall", [0.5, 0.51], parameters=100),
        *over_seeds("deep", "recall", [0.6, 0.62], parameters=1000),
        *over_seeds("deeper", "recall", [0.7, 0.71], parameters=10_000),
    ]
    comparison = compare(models)
    results = json.loads(results_json({s.model: s.values for s in comparison.summaries}, comparison.verdict))
    assert convert(results["verdict"], Verdict) == comparison.verdict
    assert len(comparison.verdict.differences) == 3
    assert len(comparison.verdict.trends) == 1
    assert list(results["models"]) == ["baseline", "deep", "deeper"]


def test_csv_has_a_row_for_every_metric_of_every_model() -> None:
    source = 'means, "all"\nof them'
    models = [
        trained("baseline", 0, MetricValue("recall", 0.1 + 0.2, (0.25, 0.35), 0.97, 10_000, source)),
        trained("deep, wide", 3, measured("kl", math.nan), measured("elbo", -1e300), run="brave-crow"),
    ]
    rows = list(csv.reader(io.StringIO(results_csv((m.run, m.evaluation) for m in models))))
    assert rows == [
        ["model", "metric", "value", "low", "high", "floor", "n", "source", "seed", "run"],
        ["baseline", "recall", "0.30000000000000004", "0.25", "0.35", "0.97", "10000", source, "0", "quiet-otter"],
        ["deep, wide", "kl", "", "", "", "", "10000", "decoder means", "3", "brave-crow"],
        ["deep, wide", "elbo", "-1e+300", "", "", "", "10000", "decoder means", "3", "brave-crow"],
    ]
