"""The rows of the table of metrics, and their numbers as text."""

from __future__ import annotations

import math

import pytest
from msgspec import structs

from tests.tui.recorded_evaluation import evaluation
from tui_vae.events import Evaluation, Parameters
from tui_vae.metrics import METRICS, NOISY, Difference, MetricValue, Picture
from tui_vae.view.metric_rows import MOST_ROWS, difference_text, metric_rows, number, picture_groups, rows_of_run
from tui_vae.view.state import RunState, reduce_all


def evaluated(**values: dict[str, float]) -> RunState:
    events = [
        Evaluation(
            model=model,
            seed=0,
            epoch=1,
            step=1,
            parameters=Parameters(1, 1, 2),
            metrics=tuple(MetricValue(name, value, None, 0.5, 10, "x") for name, value in metrics.items()),
            class_shares=(),
            kl_per_latent=(),
            predicted_kl_per_latent=None,
            pictures=(),
            seconds=1.0,
        )
        for model, metrics in values.items()
    ]
    return reduce_all(RunState(), events)


def test_rows_are_in_the_order_of_the_catalogue_with_noisy_samples_below_and_the_unknown_at_the_end() -> None:
    names = ["new", "recall" + NOISY, "kid", "recall", "elbo", "kid" + NOISY, "precision" + NOISY]
    rows = rows_of_run(evaluated(a=dict.fromkeys(names, 1.0)))
    in_order = ["elbo", "kid", "kid" + NOISY, "precision" + NOISY, "recall", "recall" + NOISY, "new"]
    assert [row.name for row in rows] == in_order
    assert [row.label for row in rows] == [
        *("ELBO", METRICS["kid"].title, "  of noisy samples", "precision of noisy samples"),
        *("recall", "  of noisy samples", "new"),
    ]


@pytest.mark.parametrize(
    ("metric", "a", "b", "c", "best"),
    [
        ("elbo", 1.0, 3.0, 2.0, {"b"}),
        ("frechet_distance", 1.0, 3.0, 2.0, {"a"}),
        ("kl", 1.0, 3.0, 2.0, set()),
        ("elbo", 3.0, 3.0, 2.0, {"a", "b"}),
        ("elbo", 3.0, 3.0, 3.0, set()),
        ("elbo", math.nan, 3.0, 2.0, {"b"}),
        ("elbo", math.inf, 3.0, math.nan, set()),
        ("unknown", 1.0, 2.0, 3.0, set()),
    ],
)
def test_the_best_is_the_highest_or_the_lowest_where_that_can_be_said(
    metric: str, a: float, b: float, c: float, best: set[str]
) -> None:
    (row,) = rows_of_run(evaluated(a={metric: a}, b={metric: b}, c={metric: c}))
    assert row.best == best


def test_a_model_without_the_metric_is_left_out_of_its_row() -> None:
    rows = rows_of_run(evaluated(a={"elbo": 1.0, "kl": 2.0}, b={"elbo": 2.0}))
    assert [list(row.numbers) for row in rows] == [["a", "b"], ["a"]]


def test_so_many_rows_and_no_more() -> None:
    assert len(rows_of_run(evaluated(a={f"m{index}": 1.0 for index in range(1000)}))) == MOST_ROWS


@pytest.mark.parametrize(
    ("metric", "value", "interval", "text", "margin"),
    [
        ("elbo", 310.314, (309.9, 310.728), "310.31", "0.41"),
        ("elbo", -5.0, (-6.0, -3.0), "−5.00", "2.00"),
        ("recall", 0.412, (0.4, 0.424), "41.2", "1.2"),
        ("recall" + NOISY, 0.5, None, "50.0", ""),
        ("kid", 0.0415, (0.0410, 0.0420), "41.50", "0.50"),
        ("elbo", 3.4e38, None, "3.4e+38", ""),
        ("elbo", math.nan, (1.0, 2.0), "nan", ""),
        ("elbo", 1.0, (math.nan, 2.0), "1.00", ""),
        ("elbo", 1.0, (1.0,), "1.00", ""),
        ("unknown", 1234.5678, (1234.0, 1235.0), "1235", "0.5678"),
        ("two_sample_1nn", 0.99512, (0.9949, 0.9954), "99.51", "0.03"),
        ("active_units", 32.0, (31.64, 32.36), "32.0", "0.4"),
        ("coverage", 0.0, (0.0, 0.0), "0.0", "0.0"),
    ],
)
def test_numbers_as_text(metric: str, value: float, interval: tuple[float, ...] | None, text: str, margin: str) -> None:
    shown = number(metric, value, interval)
    assert (shown.value, shown.margin) == (text, margin)


def test_values_of_other_sources_and_sizes_have_rows_of_their_own() -> None:
    def ais(source: str, n: int, value: float) -> MetricValue:
        return MetricValue("ais", value, None, None, n, source)

    rows = metric_rows({"a": [ais("x", 10, 1.0)], "b": [ais("x", 10, 2.0)], "c": [ais("y", 10, 3.0), ais("x", 5, 4.0)]})
    assert [(row.source, row.n, list(row.numbers), row.best) for row in rows] == [
        *(("x", 10, ["a", "b"], {"b"}), ("y", 10, ["c"], frozenset()), ("x", 5, ["c"], frozenset())),
    ]


def test_values_of_earlier_definitions_have_rows_of_their_own() -> None:
    old, new = (evaluation(name, metrics=(MetricValue("kid", 1.0, None, None, 10, "x"),)) for name in ("a", "b"))
    rows = rows_of_run(reduce_all(RunState(), [old, structs.replace(new, protocol=2)]))
    assert [(row.source, list(row.numbers)) for row in rows] == [("x, metrics of version 1", ["a"]), ("x", ["b"])]


@pytest.mark.parametrize(
    ("metric", "value", "interval", "expected"),
    [
        ("elbo", 16.2, (14.0, 18.4), ("+16.20", "(14.00 to 18.40)")),
        ("elbo", -1.0, (-2.5, 0.5), ("−1.00", "(−2.50 to 0.50)")),
        ("recall", 0.05, None, ("+5.0", "")),
        ("unknown", -1.0, (-2.0, 0.0), ("−1", "(−2 to 0)")),
    ],
)
def test_a_difference_has_a_sign_and_its_interval(
    metric: str, value: float, interval: tuple[float, ...] | None, expected: tuple[str, str]
) -> None:
    difference = Difference(
        metric=metric,
        against=metric,
        model="a",
        baseline="b",
        value=value,
        interval=interval,
        pairing="intervals",
        seeds=1,
        outcome="not told apart",
        sentence="",
    )
    assert difference_text(difference) == expected


def picture(kind: str, file: str) -> Picture:
    return Picture(kind, f"title of {kind}", file, ("",), ("",))


def test_one_plate_a_kind_and_a_second_where_a_model_has_two() -> None:
    state = reduce_all(
        RunState(),
        [
            evaluation("a", pictures=(picture("x", "a1"), picture("y", "a2"), picture("x", "a3"))),
            evaluation("b", pictures=(picture("y", "b1"), picture("z", "b2"))),
        ],
    )
    found = [(plate.title, {name: p.file for name, p in plate.pictures.items()}) for plate in picture_groups(state)]
    assert found == [
        ("title of x", {"a": "a1"}),
        ("title of y", {"a": "a2", "b": "b1"}),
        ("title of x", {"a": "a3"}),
        ("title of z", {"b": "b2"}),
    ]


def test_without_evaluations_there_are_none() -> None:
    assert picture_groups(RunState()) == []
