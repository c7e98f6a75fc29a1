"""Comparing runs: which options differ, and their results."""

from __future__ import annotations

from typing import Any

from tests.unit.view.run_events import epoch
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.view.run_diff import ComparedRow, differing_options, held_out_elbos
from tui_vae.view.state import RunState, reduce_all


def run(config: dict[str, Any], **elbos: float) -> RunState:
    events = [epoch(name, 1, "held_out", elbo, 1.0) for name, elbo in elbos.items()]
    return reduce_all(RunState(config=config), events)


def test_the_options_that_differ_are_rows_in_the_order_of_the_options() -> None:
    first = TrainConfig()
    second = TrainConfig(models=(ModelSpec("wide", (1024,)),), lr=1e-3, batch_size=64, train_size=1000, sigma="learned")
    rows = differing_options([run(first.to_json()), run(second.to_json())])
    assert rows == [
        ComparedRow("model", ("baseline= deep=512,256", "wide=1024")),
        ComparedRow("sigma", (f"{first.sigma:g}", "learned")),
        ComparedRow("batch-size", ("128", "64")),
        ComparedRow("lr", ("0.002", "0.001")),
        ComparedRow("train-size", ("all", "1000")),
    ]


def test_runs_of_the_same_options_differ_in_none() -> None:
    assert differing_options([run(TrainConfig().to_json())] * 3) == []


def test_an_option_that_one_does_not_have_is_unknown() -> None:
    assert differing_options([run({"zdim": 2, "lr": 1}), run({"lr": 1})]) == [ComparedRow("zdim", ("2", "–"))]


def test_a_run_without_a_configuration_differs_in_nothing() -> None:
    rows = differing_options([run({"zdim": 2}), run({}), run({"zdim": 3})])
    assert rows == [ComparedRow("zdim", ("2", "–", "3"))]
    assert differing_options([run({"zdim": 2}), run({})]) == []


def test_whatever_a_log_says_can_be_shown() -> None:
    strange = {"models": [3, {"name": "\x1b[2J", "hidden": "x"}], "\x07": None}
    (models, bell) = differing_options([run(strange), run({"models": [], "\x07": 1})])
    assert models.values == ("3 \\x1b[2J", "")
    assert bell == ComparedRow("\\x07", ("–", "1"))


def test_the_elbo_of_every_model_of_any_run() -> None:
    rows = held_out_elbos([run({}, baseline=285.04), run({}, baseline=300.0, deep=float("nan"))])
    assert rows == [ComparedRow("baseline", ("285.0", "300.0")), ComparedRow("deep", ("–", "nan"))]
