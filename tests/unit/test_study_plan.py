"""Which trials a study has, how they are called, and how it may grow."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tui_vae.codec import convert, to_builtins
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.config.study import MOST_TRIALS, Study, parse_vary, plan
from tui_vae.errors import UsageError

MODELS = (ModelSpec("linear"), ModelSpec("deep", (16, 8)))


def planned(*vary: str, stored: Study | None = None, **typed: Any) -> Study:
    if stored is None:
        typed = {"models": MODELS, **typed}
    return plan("trend", typed, parse_vary(vary), lambda name: name, now=7.0, stored=stored)


def ids(study: Study) -> list[str]:
    return [trial.id for trial in study.trials]


def test_trials_are_models_times_settings_times_seeds_in_that_order_from_within() -> None:
    study = planned("sigma=0.2,0.5", "zdim=8,32", seeds=2, seed=3)
    assert ids(study)[:4] == [
        "linear-sigma0.2-zdim8-seed3",
        "deep-sigma0.2-zdim8-seed3",
        "linear-sigma0.2-zdim32-seed3",
        "deep-sigma0.2-zdim32-seed3",
    ]
    assert len(set(ids(study))) == len(study.trials) == 2 * 2 * 2 * 2
    assert [trial.seed for trial in study.trials] == [3] * 8 + [4] * 8
    assert study.trials[1].settings == {"sigma": 0.2, "zdim": 8}
    assert study.trials[1].model == "deep"


def test_without_anything_that_varies_a_trial_is_a_model_and_a_seed() -> None:
    assert ids(planned(seeds=2)) == ["linear-seed0", "deep-seed0", "linear-seed1", "deep-seed1"]


def test_the_options_of_a_trial_are_those_of_a_run_of_one_model_and_one_seed() -> None:
    study = planned("sigma=0.2,learned", "batch-size=32", epochs=3, seeds=2, threads=2)
    configs = {trial.id: config for trial, config in study.configs()}
    assert configs["deep-sigmalearned-batch-size32-seed1"] == TrainConfig(
        models=(ModelSpec("deep", (16, 8)),), sigma="learned", batch_size=32, epochs=3, seed=1, threads=2
    )


def test_a_trial_takes_one_thread_unless_more_are_given() -> None:
    assert planned().base.threads == 1
    assert planned(threads="auto").base.threads == 1
    assert planned(threads=3).base.threads == 3


def test_values_that_differ_have_names_that_differ() -> None:
    study = planned("lr=0.002,0.0020000001,1e-05")
    assert [trial.id for trial in study.trials if trial.model == "deep"] == [
        "deep-lr0.002-seed0",
        "deep-lr0.0020000001-seed0",
        "deep-lr1e-05-seed0",
    ]


def test_a_study_is_what_it_was_after_it_was_stored() -> None:
    study = planned("sigma=0.2,learned", "train-size=100", seeds=2)
    assert convert(msgspec.json.decode(msgspec.json.encode(to_builtins(study))), Study) == study


def test_the_same_options_give_the_same_study() -> None:
    study = planned("sigma=0.2,0.5", epochs=3, seeds=2)
    again = planned("sigma=0.2,0.5", stored=study, models=MODELS, epochs=3, seeds=2)
    assert again == study
    assert planned(stored=study) == study  # what is not typed is as it is there


def test_a_study_grows_by_models_values_and_seeds_and_keeps_its_trials() -> None:
    study = planned("sigma=0.2", epochs=3)
    grown = planned("sigma=0.5,0.2", stored=study, models=(ModelSpec("wide", (64,)),), seeds=2)
    assert set(ids(study)) < set(ids(grown))
    assert len(grown.trials) == 3 * 2 * 2
    assert grown.base.epochs == 3
    assert grown.created == study.created == 7.0
    fewer = planned("sigma=0.2", stored=grown, seeds=1)
    assert fewer == grown


@pytest.mark.parametrize(
    ("vary", "typed", "words"),
    [
        ((), {"epochs": 4}, "--epochs 4 would make another study of trend, which has 3"),
        ((), {"sigma": 0.3}, "--sigma 0.3 would make another study of trend, which varies it"),
        (("zdim=2",), {}, "--vary zdim would make another study of trend, which does not vary it"),
        ((), {"models": (ModelSpec("deep", (4,)),)}, "--model deep=4 would make another study of trend"),
        ((), {"seed": 5}, "--seed 5 would make another study"),
        ((), {"threads": 2}, "--threads 2 would make another study"),
    ],
)
def test_whatever_would_make_another_study_is_refused(vary: tuple[str, ...], typed: dict[str, Any], words: str) -> None:
    study = planned("sigma=0.2", epochs=3)
    with pytest.raises(UsageError, match=words):
        planned(*vary, stored=study, **typed)


def test_what_changes_no_trained_bit_may_change() -> None:
    study = planned(checkpoint_every=5.0)
    assert planned(stored=study, checkpoint_every=9.0, no_evaluate=True).base.checkpoint_every == 9.0


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        (("sigma",), "--vary takes NAME=VALUE"),
        (("sigma=",), "a value is missing"),
        (("sigma=0.2,,0.5",), "a value is missing"),
        (("sigma=0.2,0.20",), "'0.20' is there twice"),
        (("sigma=0.2,none",), "--sigma is a number"),
        (("zdim=0",), "--zdim is a whole number of at least 1"),
        (("zdim=2.5",), "--zdim is a whole number"),
        (("seed=1,2",), "seeds by --seeds"),
        (("model=a",), "models are given by --model"),
        (("device=cpu",), "--vary takes one of zdim, sigma"),
        (("sigma=0.2", "sigma=0.5"), "names sigma twice"),
    ],
)
def test_what_cannot_vary_is_refused(vary: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        planned(*vary)


@pytest.mark.parametrize(
    ("vary", "typed", "words"),
    [
        (("sigma=0.2",), {"sigma": 0.5}, "--sigma is given as fixed and by --vary"),
        (("batch-size=8",), {"batch_size": 8}, "--batch-size is given as fixed and by --vary"),
        ((), {"device": "cuda:1"}, "give --device cuda"),
        ((f"zdim={','.join(map(str, range(1, 1002)))}",), {"seeds": 100}, "these are 200,200 trials"),
    ],
)
def test_settings_that_clash_are_refused(vary: tuple[str, ...], typed: dict[str, Any], words: str) -> None:
    assert MOST_TRIALS < 200_200
    with pytest.raises(UsageError, match=words):
        planned(*vary, **typed)


def test_models_whose_trials_would_share_a_folder_are_refused() -> None:
    models = (ModelSpec("a"), ModelSpec("a-zdim2", (4,)))
    with pytest.raises(UsageError, match="two trials would be called"):
        plan("trend", {"models": models}, {}, lambda name: name[:1], now=0.0)


def test_values_are_checked_with_the_options_of_their_trial() -> None:
    assert len(planned("kl-warmup=0,30", epochs=40).trials) == 4
    with pytest.raises(UsageError, match="linear-kl-warmup30-seed0: --kl-warmup"):
        planned("kl-warmup=0,30", epochs=20)


def test_a_model_that_varies_cannot_clash_with_its_step() -> None:
    own = ModelSpec.parse("own=nets.py")
    with pytest.raises(UsageError, match="own-step"):
        planned("step=general,fused", models=(ModelSpec("linear"), own))
