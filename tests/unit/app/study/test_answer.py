"""The answer of a study whose truth is known, also while trials are missing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy

from tests.unit.evaluated_study import SIZES, evaluated_study, plateau_at_c
from tui_vae.app.study.answer import StudyResults
from tui_vae.config import EvaluationConfig
from tui_vae.errors import UsageError


def test_each_setting_says_up_to_which_size_more_helps(tmp_path: Path) -> None:
    answer = StudyResults(evaluated_study(tmp_path)).answer()
    assert [one.label for one in answer.settings] == ["sigma 0.2", "sigma 0.5"]
    found = {
        one.label: {p.metric: (p.model, p.models, p.seeds) for p in one.verdict.plateaus} for one in answer.settings
    }
    assert found["sigma 0.2"]["iwae"] == ("c", 4, 4)
    assert found["sigma 0.5"]["iwae"] == ("a", 4, 4)
    assert {one["frechet_distance"] for one in found.values()} == {("d", 4, 4)}
    assert answer.incomplete is None
    assert answer.settings[0].sentence == (
        "At sigma 0.2, 4 models on 4 seeds: in IWAE more parameters help up to c (100,000 parameters), and not "
        "significantly beyond; in Fréchet distance more parameters help up to the largest model, d (1,000,000 "
        "parameters)."
    )
    assert "in IWAE no larger model is significantly better than a (1,000 parameters)" in answer.settings[1].sentence


def test_differences_are_those_of_the_same_seed_to_the_simplest_model(tmp_path: Path) -> None:
    directory = evaluated_study(tmp_path)
    results = StudyResults(directory)
    (first, _) = results.answer().settings
    found = first.difference("iwae", "c")
    trials = {(t.model, t.seed): t for t in results.study.trials if t.settings["sigma"] == 0.2}
    pairs = [plateau_at_c(trials["c", s])["iwae"] - plateau_at_c(trials["a", s])["iwae"] for s in range(4)]
    expected = scipy.stats.ttest_1samp(pairs, 0).confidence_interval()
    assert found is not None
    assert (found.baseline, found.pairing, found.seeds) == ("a", "seeds", 4)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.interval == pytest.approx((expected.low, expected.high))
    chosen = results.answer("b").settings[0].difference("iwae", "a")
    assert chosen is not None
    assert chosen.outcome == "worse"
    with pytest.raises(UsageError, match="no model named x"):
        results.answer("x")


def test_an_unfinished_study_answers_for_what_is_there(tmp_path: Path) -> None:
    directory = evaluated_study(
        tmp_path,
        without=lambda trial: trial.seed == 3 or (trial.seed == 2 and trial.model == "d"),
        unevaluated=lambda trial: trial.model == "a" and trial.seed == 2,
    )
    answer = StudyResults(directory).answer()
    assert answer.incomplete == (
        "12 of 32 trials are missing (10 waiting, 2 finished without an evaluation): the answer is that of the "
        "other 20."
    )
    seeds = {p.seeds for one in answer.settings for p in one.verdict.plateaus}
    assert seeds == {2}  # those that all four models have


def test_nothing_is_said_of_training_again_on_one_seed(tmp_path: Path) -> None:
    answer = StudyResults(evaluated_study(tmp_path, without=lambda trial: trial.seed > 0)).answer()
    assert answer.settings[0].sentence == (
        "At sigma 0.2: the models share fewer than 2 seeds, which say nothing of training again."
    )


def test_before_any_trial_is_finished_there_is_no_answer(tmp_path: Path) -> None:
    answer = StudyResults(evaluated_study(tmp_path, without=lambda trial: True)).answer()
    assert answer.settings == ()
    assert answer.incomplete == "32 of 32 trials are missing (32 waiting): there is no answer yet."


def test_evaluations_of_other_sizes_count_as_missing_where_sizes_are_asked_for(tmp_path: Path) -> None:
    directory = evaluated_study(tmp_path)
    assert len(StudyResults(directory, EvaluationConfig()).found) == 32
    other = StudyResults(directory, EvaluationConfig(samples=50))
    assert (len(other.found), len(other.unevaluated)) == (0, 32)


def test_lines_over_parameters_have_a_mark_a_seed_and_the_interval_of_the_mean(tmp_path: Path) -> None:
    results = StudyResults(evaluated_study(tmp_path))
    first, second = results.lines("iwae")
    assert (first.label, second.label) == ("sigma 0.2", "sigma 0.5")
    assert first.x == tuple(map(float, SIZES.values()))
    values = [
        plateau_at_c(trial)["iwae"]
        for trial in results.study.trials
        if trial.model == "b" and trial.settings["sigma"] == 0.2
    ]
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval()
    assert first.mean[1] == pytest.approx(np.mean(values))
    assert first.interval[1] == pytest.approx((expected.low, expected.high))
    assert [mark for mark in first.marks if mark[0] == SIZES["b"]] == [
        (float(SIZES["b"]), seed, value) for seed, value in enumerate(values)
    ]


def test_lines_over_an_option_are_those_of_the_models(tmp_path: Path) -> None:
    lines = StudyResults(evaluated_study(tmp_path)).lines("elbo", "sigma")
    assert [line.label for line in lines] == ["a", "b", "c", "d"]
    assert {line.x for line in lines} == {(0.2, 0.5)}


def test_the_files_for_programs_have_every_value(tmp_path: Path) -> None:
    results = StudyResults(evaluated_study(tmp_path))
    rows = list(csv.DictReader(io.StringIO(results.as_csv())))
    assert len(rows) == 32 * 3
    assert list(rows[0])[:4] == ["trial", "sigma", "parameters", "model"]
    row = next(r for r in rows if r["trial"] == "b-sigma0.5-seed2" and r["metric"] == "iwae")
    trial = next(t for t in results.study.trials if t.id == row["trial"])
    assert float(row["value"]) == plateau_at_c(trial)["iwae"]
    assert (row["sigma"], row["parameters"], row["seed"]) == ("0.5", "10000", "2")
    record = json.loads(results.as_json(results.answer()))
    assert (record["study"], record["trials"], record["used"], record["missing"]) == ("trend", 32, 32, {})
    setting = record["settings"][0]
    assert setting["settings"] == {"sigma": 0.2}
    assert setting["models"]["c"]["parameters"] == 100_000
    plateaus = {one["metric"]: one["model"] for one in setting["verdict"]["plateaus"]}
    assert plateaus == {"elbo": "c", "iwae": "c", "frechet_distance": "d"}
