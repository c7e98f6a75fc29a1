"""The options: their defaults, what is refused and in which words, and the JSON form."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.options import any_text, assert_one_line, specs
from tui_vae.config import DATASETS, DisplayConfig, ModelSpec, NetworkFacts, StoreConfig, TrainConfig
from tui_vae.errors import UsageError

positive = st.floats(min_value=0, max_value=1e30, exclude_min=True, allow_nan=False)
configs = st.builds(
    TrainConfig,
    models=st.lists(specs, min_size=1, max_size=4, unique_by=lambda spec: spec.name.casefold()).map(tuple),
    zdim=st.integers(1, 10**6),
    sigma=positive | st.sampled_from(("learned", "learned:0.5", "learned:0.5:0.05")),
    epochs=st.integers(1, 10**6),
    batch_size=st.integers(1, 10**6),
    lr=positive,
    schedule=st.sampled_from(("cosine", "constant")),
    patience=st.integers(0, 10**6),
    seed=st.integers(0, 2**63 - 101),
    seeds=st.integers(1, 4),
    dataset=st.sampled_from(DATASETS),
    data_dir=st.text(),
    download=st.booleans(),
    val_size=st.integers(0, 10**6),
    train_size=st.none() | st.integers(1, 10**6),
    dequantize=st.booleans(),
    device=st.sampled_from(("auto", "cpu", "mps", "cuda", "cuda:0", "cuda:11")),
    precision=st.sampled_from(("auto", "fp32", "bf16")),
    threads=st.just("auto") | st.integers(1, 512),
)


def refusal(**options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        TrainConfig(**options)
    assert_one_line(caught.value)
    return str(caught.value)


def test_defaults() -> None:
    assert TrainConfig().to_json() == {
        "models": [{"name": "baseline", "hidden": []}, {"name": "deep", "hidden": [512, 256]}],
        "zdim": 32,
        "sigma": 0.5,
        "epochs": 20,
        "batch_size": 128,
        "lr": 2e-3,
        "schedule": "cosine",
        "beta": 1.0,
        "kl_warmup": 0.0,
        "free_bits": 0.0,
        "patience": 0,
        "seed": 0,
        "seeds": 1,
        "dataset": "mnist",
        "data_dir": "data",
        "download": False,
        "val_size": 5000,
        "train_size": None,
        "dequantize": False,
        "device": "auto",
        "precision": "auto",
        "threads": "auto",
        "step": "auto",
        "checkpoint_every": 30.0,
        "no_evaluate": False,
    }
    assert StoreConfig() == StoreConfig(runs_dir="runs", name=None)
    assert DisplayConfig() == DisplayConfig(no_ui=False, json=False, quiet=False, ascii=False, color="auto", fps=10)


def test_the_baseline_is_linear_and_the_deep_model_is_not() -> None:
    assert [spec.linear for spec in TrainConfig().models] == [True, False]


@given(configs)
def test_json_gives_the_same_configuration_back(config: TrainConfig) -> None:
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json(), allow_nan=False))) == config


def test_what_is_not_stored_has_its_default() -> None:
    assert TrainConfig.from_json({"epochs": 3, "step": "auto"}) == TrainConfig(epochs=3)


def test_a_run_stored_without_a_step_was_trained_by_the_fused_one() -> None:
    assert TrainConfig.from_json({"epochs": 3}) == TrainConfig(epochs=3, step="fused")


def test_resolved_replaces_each_auto_and_nothing_else() -> None:
    config = TrainConfig(epochs=3).resolved(device="cuda:1", precision="bf16", threads=2, train_size=99, step="fused")
    assert config == TrainConfig(epochs=3, device="cuda:1", precision="bf16", threads=2, train_size=99, step="fused")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"zdim": 0}, "--zdim"),
        ({"zdim": -1}, "--zdim"),
        ({"zdim": 1.5}, "--zdim"),
        ({"zdim": True}, "--zdim"),
        ({"epochs": 0}, "--epochs"),
        ({"epochs": -3}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"batch_size": -128}, "--batch-size"),
        ({"val_size": -1}, "--val-size"),
        ({"train_size": 0}, "--train-size"),
        ({"train_size": -5}, "--train-size"),
        ({"threads": 0}, "--threads"),
        ({"threads": -1}, "--threads"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**63}, "--seed"),
        ({"seed": 2**63 - 1, "seeds": 2}, "--seed"),
        ({"seeds": 0}, "--seeds"),
        ({"seeds": 10**9}, "--seeds"),
        ({"sigma": 0.0}, "--sigma"),
        ({"sigma": -0.2}, "--sigma"),
        ({"sigma": math.nan}, "--sigma"),
        ({"sigma": "learned:"}, "--sigma"),
        ({"sigma": "learned:0"}, "--sigma"),
        ({"sigma": "learned:inf"}, "--sigma"),
        ({"sigma": "learned:0.1:0.2"}, "the floor 0.2 is above the start 0.1"),
        ({"sigma": "learned:1:0.5:0.2"}, "--sigma"),
        ({"sigma": "optimal"}, "--sigma"),
        ({"sigma": math.inf}, "--sigma"),
        ({"beta": -1.0}, "--beta"),
        ({"beta": math.inf}, "--beta"),
        ({"beta": 1e9}, "--beta"),
        ({"kl_warmup": -1.0}, "--kl-warmup"),
        ({"kl_warmup": 21.0}, "--kl-warmup 21 is longer than the training of --epochs 20"),
        ({"free_bits": math.nan}, "--free-bits"),
        ({"beta": 0.0, "free_bits": 0.1}, "--free-bits"),
        ({"beta": 0.0, "kl_warmup": 2.0}, "--kl-warmup"),
        ({"lr": 0.0}, "--lr"),
        ({"lr": -1e-3}, "--lr"),
        ({"lr": math.nan}, "--lr"),
        ({"lr": math.inf}, "--lr"),
        ({"lr": 1e300}, "--lr"),
        ({"schedule": "linear"}, "--schedule"),
        ({"schedule": "Cosine"}, "--schedule"),
        ({"dataset": "cifar10"}, "--dataset"),
        ({"dataset": ""}, "--dataset"),
        ({"precision": "fp16"}, "--precision"),
        ({"device": "gpu"}, "--device"),
        ({"device": "cuda:"}, "--device"),
        ({"device": "cuda:-1"}, "--device"),
        ({"device": "cuda:x"}, "--device"),
        ({"device": "cuda:0\n"}, "--device"),
        ({"device": "cpu:0"}, "--device"),
        ({"device": ""}, "--device"),
        ({"models": ()}, "--model"),
        ({"models": (ModelSpec("a"), ModelSpec("b"), ModelSpec("a", (3,)))}, "'a'"),
    ],
)
def test_refused(options: dict[str, Any], said: str) -> None:
    assert said in refusal(**options)


def resolved(config: TrainConfig) -> TrainConfig:
    return config.resolved(device="cpu", precision="fp32", threads=1, train_size=100, step="fused")


def test_a_resolved_configuration_has_every_model_once_per_seed() -> None:
    config = resolved(TrainConfig(seed=7, seeds=2))
    assert [(spec.name, spec.seed, spec.architecture) for spec in config.models] == [
        ("baseline@7", 7, "baseline"),
        ("deep@7", 7, "deep"),
        ("baseline@8", 8, "baseline"),
        ("deep@8", 8, "deep"),
    ]
    assert config.at_once == 2
    assert [spec.architecture for spec in TrainConfig().models] == [spec.name for spec in TrainConfig().models]
    assert resolved(dataclasses.replace(config, epochs=3)).models == config.models


def test_a_run_of_several_seeds_is_continued_by_what_was_typed_to_start_it() -> None:
    config = resolved(TrainConfig(seed=7, seeds=2))
    typed = {"models": TrainConfig().models, "seed": 7, "seeds": 2, "epochs": 30}
    assert config.continued(typed) == dataclasses.replace(config, epochs=30)
    for option, other in (
        ("--seeds", {"seeds": 3}),
        ("--seed ", {"seed": 6}),
        ("--model", {"models": (ModelSpec("a"),)}),
    ):
        with pytest.raises(UsageError, match=option):
            config.continued(other)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:15"])
def test_devices_of_the_right_form_are_left_to_the_machine(device: str) -> None:
    assert TrainConfig(device=device).device == device


@given(st.sampled_from(("schedule", "dataset", "precision", "device")), any_text)
def test_any_text_for_a_choice_is_accepted_or_refused_in_one_line(name: str, text: str) -> None:
    try:
        assert getattr(TrainConfig(**{name: text}), name) == text
    except UsageError as error:
        assert_one_line(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(TrainConfig().to_json())) | st.text(max_size=5), json_values, max_size=4))
def test_any_stored_object_is_a_configuration_or_refused_in_one_line(stored: dict[str, Any]) -> None:
    try:
        TrainConfig.from_json(stored)
    except UsageError as error:
        assert_one_line(error)


@pytest.mark.parametrize("name", ["lr", "sigma"])
def test_a_stored_number_beyond_a_float_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        TrainConfig.from_json(json.loads(f'{{"{name}": 1{"0" * 400}}}'))
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    "stored",
    [
        {"seed": 1.5},
        {"seed": True},
        {"lr": True},
        {"sigma": "0.2"},
        {"epochs": "20"},
        {"download": "no"},
        {"data_dir": 5},
        {"dataset": ["mnist"]},
        {"device": None},
        {"models": "baseline"},
        {"models": [{"name": "a"}]},
        {"models": [{"name": 5, "hidden": []}]},
        {"models": [{"name": "a", "hidden": [1.5]}]},
        {"models": [{"name": "a", "hidden": [True]}]},
        {"models": [{"name": "a", "hidden": "512"}]},
    ],
    ids=str,
)
def test_a_stored_value_of_another_type_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        TrainConfig.from_json(stored)
    assert_one_line(caught.value)


def test_a_stored_option_unknown_to_this_version_is_named() -> None:
    with pytest.raises(UsageError, match="momentum") as caught:
        TrainConfig.from_json({"epochs": 3, "momentum": 0.9})
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"color": "sometimes"},
        {"fps": 0.0},
        {"fps": 61.0},
        {"fps": math.nan},
        {"fps": math.inf},
        {"no_ui": True, "json": True, "quiet": True},
        {"quiet": True},
    ],
    ids=str,
)
def test_display_options_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        DisplayConfig(**options)
    assert_one_line(caught.value)


def test_a_run_needs_a_folder_to_be_kept_in() -> None:
    with pytest.raises(UsageError, match="--runs-dir"):
        StoreConfig(runs_dir="")


@pytest.mark.parametrize("options", [{"graphics": "regis"}, {"graphics": "sixel", "no_ui": True}], ids=str)
def test_pictures_are_drawn_in_ways_that_are_known_and_in_the_interface_only(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--graphics"):
        DisplayConfig(**options)


@pytest.mark.parametrize(
    ("text", "source", "classes", "arguments", "label"),
    [
        ("lab.py", "lab.py", ("Encoder", "Decoder"), {}, "lab.py"),
        ("/a b/nets.py:E, D", "/a b/nets.py", ("E", "D"), {}, "nets.py:E,D"),
        ("nets.py(width=64, act='a, b')", "nets.py", ("Encoder", "Decoder"), {"width": 64, "act": "a, b"}, None),
        ("my.lab.nets:E,D(deep=[3, 4])", "my.lab.nets", ("E", "D"), {"deep": [3, 4]}, "my.lab.nets:E,D(deep=[3, 4])"),
        ("lab:E,D", "lab", ("E", "D"), {}, "lab:E,D"),
    ],
)
def test_networks_of_the_users_own_are_a_file_or_a_module(
    text: str, source: str, classes: tuple[str, str], arguments: dict[str, Any], label: str | None
) -> None:
    network = ModelSpec.parse(f"own={text}").network
    assert network is not None
    assert (network.source, network.encoder, network.decoder, network.keywords) == (source, *classes, arguments)
    assert label in (None, network.label)
    assert ModelSpec.parse(f"own={network}").network == network
    spec = ModelSpec("own", network=network.resolved("0" * 64, NetworkFacts(1, 2, 3, linear=False)))
    config = TrainConfig(models=(spec,))
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert spec.identity == ModelSpec.parse(f"own={text}").identity


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("512,x", "widths are whole numbers"),
        ("nets", "widths are whole numbers"),
        ("nets.py:Encoder", "nets.py:ENCODER,DECODER"),
        ("nets.py:E,D,F", "nets.py:ENCODER,DECODER"),
        ("nets.py:E,2", "nets.py:ENCODER,DECODER"),
        ("nets.py(64)", "NAME=VALUE"),
        ("nets.py(width=open('x'))", "NAME=VALUE"),
        ("nets.py(**x)", "NAME=VALUE"),
        ("nets.py(width=64", "widths are whole numbers"),
    ],
)
def test_what_is_neither_widths_nor_networks_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        ModelSpec.parse(f"own={text}")


def test_the_fused_step_is_not_for_networks_of_the_users_own_alone() -> None:
    own = ModelSpec.parse("own=nets.py")
    with pytest.raises(UsageError, match="--step fused is for fully connected layers"):
        TrainConfig(models=(own,), step="fused")
    both = TrainConfig(models=(own, ModelSpec("deep", (8,))), step="fused")
    assert [both.step_of(spec) for spec in both.models] == ["general", "fused"]
