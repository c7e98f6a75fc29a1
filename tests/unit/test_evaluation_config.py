"""The options of an evaluation: their defaults, what is refused and in which words, and the JSON form."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.config import EvaluationConfig
from tui_vae.config.evaluation import parse_metrics
from tui_vae.errors import ExitCode, UsageError
from tui_vae.metrics import METRICS

metrics = st.lists(st.sampled_from(list(METRICS)), min_size=1, unique=True).map(
    lambda chosen: tuple(name for name in METRICS if name in chosen)
)
configs = st.builds(
    lambda **options: EvaluationConfig.of_options(options),
    metrics=metrics,
    samples=st.integers(1, 10**8),
    iwae_samples=st.integers(1, 10**8),
    ais_images=st.integers(0, 10**8),
    ais_steps=st.integers(1, 10**8),
    dequantize=st.none() | st.booleans(),
    ais_chains=st.integers(1, 100),
    device=st.sampled_from(("auto", "cpu", "mps", "cuda", "cuda:3")),
    memory=st.floats(min_value=0, max_value=1e9, exclude_min=True),
)


def refusal(**options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        EvaluationConfig(**options)
    return one_line(caught.value)


def one_line(error: UsageError) -> str:
    assert error.exit_code == ExitCode.USAGE == 2
    assert str(error).isprintable()
    assert len(str(error)) < 500
    return str(error)


@given(configs)
def test_the_json_form_gives_the_same_configuration_back(config: EvaluationConfig) -> None:
    assert EvaluationConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@given(configs, configs)
def test_configurations_of_one_identity_differ_in_the_machine_only(
    one: EvaluationConfig, other: EvaluationConfig
) -> None:
    assert json.loads(json.dumps(one.identity())) == one.identity()
    same = {**one.to_json(), "device": "", "memory": 0} == {**other.to_json(), "device": "", "memory": 0}
    assert (one.identity() == other.identity()) == same
    elsewhere = EvaluationConfig.from_json(one.to_json() | {"device": "cuda:7", "memory": 0.125})
    assert elsewhere.identity() == one.identity()


def test_all_but_ais_is_measured_by_default() -> None:
    config = EvaluationConfig()
    assert set(config.metrics) == {name for name in METRICS if not name.startswith("ais")}
    assert (config.samples, config.iwae_samples, config.ais_images) == (10_000, 100, 0)
    assert config.buffer_bytes == 2**30


@pytest.mark.parametrize(
    ("options", "images", "measured"),
    [
        ({}, 0, False),
        ({"ais_images": 7}, 7, True),
        ({"metrics": ("ais",)}, 100, True),
        ({"metrics": ("elbo", "ais"), "ais_images": 5}, 5, True),
        ({"metrics": ("elbo",), "ais_images": 5}, 5, True),
        ({"metrics": ("elbo",)}, 0, False),
    ],
)
def test_ais_is_measured_where_it_or_its_images_are_asked_for(
    options: dict[str, Any], images: int, measured: bool
) -> None:
    config = EvaluationConfig.of_options(options)
    assert config.ais_images == images
    assert ("ais" in config.metrics) == measured
    assert list(config.metrics) == sorted(config.metrics, key=list(METRICS).index)


@pytest.mark.parametrize("text", ["iwae,elbo,kid", "kid, elbo ,iwae", ",kid,,iwae,elbo,elbo,kid"])
def test_metrics_are_taken_once_and_in_the_order_of_the_tables(text: str) -> None:
    assert parse_metrics(text) == ("elbo", "iwae", "kid")


@given(st.text(max_size=60).filter(lambda text: not {name.strip() for name in text.split(",")} <= {*METRICS, ""}))
def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_metrics(text)
    assert "nearest_train_distance" in one_line(caught.value)


@pytest.mark.parametrize("text", ["", " ", ",", "elbo,fid", "ELBO", "elbo iwae", "elbo_noisy"])
def test_no_metric_and_a_wrong_one_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--metrics takes some of elbo, reconstruction"):
        parse_metrics(text)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 0}, "--samples is a whole number of at least 1, not '0'"),
        ({"iwae_samples": -3}, "--iwae-samples is a whole number of at least 1"),
        ({"ais_images": -1}, "--ais-images is a whole number of at least 0"),
        ({"ais_images": 0, "metrics": ("ais",)}, "--ais-images is a whole number of at least 1"),
        ({"ais_steps": 0}, "--ais-steps is a whole number of at least 1"),
        ({"samples": True}, "--samples is a whole number"),
        ({"samples": 2.5}, "--samples is a whole number"),
        ({"iwae_samples": 10**9}, "--iwae-samples is at most 100,000,000, not 1,000,000,000"),
        ({"memory": 0.0}, "--memory is a finite number above 0, not 0"),
        ({"memory": -1.0}, "--memory is a finite number above 0"),
        ({"memory": math.nan}, "--memory is a finite number above 0, not nan"),
        ({"memory": math.inf}, "--memory is a finite number above 0, not inf"),
        ({"device": "gpu"}, "--device"),
        ({"device": "cuda:x\x1b"}, "--device"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], words: str) -> None:
    assert words in refusal(**options)


@pytest.mark.parametrize(
    "values",
    [
        EvaluationConfig().to_json() | {"later": 10},
        EvaluationConfig().to_json() | {"samples": "10"},
        EvaluationConfig().to_json() | {"metrics": 7},
    ],
    ids=lambda values: str(len(values)),
)
def test_json_of_another_version_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the configuration"):
        EvaluationConfig.from_json(values)


def test_json_of_metrics_that_there_are_not_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        EvaluationConfig.from_json(EvaluationConfig().to_json() | {"metrics": ["elbo", "beauty"]})
    assert "beauty" in one_line(caught.value)
    with pytest.raises(UsageError):
        EvaluationConfig(metrics=())
