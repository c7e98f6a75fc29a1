"""Training speed: both sides of a comparison do the same work, and figures follow from what was measured."""

from __future__ import annotations

import importlib
import itertools
import os
from types import ModuleType

import pytest
import torch

from tui_vae.bench import programs, roofline, training_speed
from tui_vae.bench.programs import Training, json_from
from tui_vae.bench.training_speed import SETTINGS, interface_figures, scaling_figures, speed_figures
from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.data import Dataset, Split
from tui_vae.data.generators import generator
from tui_vae.errors import TrainingError
from tui_vae.events import Epoch, Event
from tui_vae.model import VAE
from tui_vae.model.network_check import check_networks
from tui_vae.model.source_code import load_classes

SPECS = [ModelSpec("linear"), ModelSpec("deep", (40, 20))]


def config(*specs: ModelSpec, precision: str = "fp32") -> TrainConfig:
    chosen = TrainConfig(models=specs, zdim=4, batch_size=16)
    return chosen.resolved(device="cpu", precision=precision, threads=1, train_size=80, step="fused")


@pytest.fixture(scope="module")
def reference_loop() -> ModuleType:
    """Imported late: it loads torchvision, which takes two seconds in every process."""
    return importlib.import_module("tui_vae.bench.reference_loop")


def digits(images: int) -> Split:
    drawn = torch.randint(0, 256, (images, 784), generator=generator(0, "test")).to(torch.uint8)
    return Split(drawn, torch.zeros(images, dtype=torch.uint8))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_reference_loop_minimises_the_objective_of_the_trainer(
    reference_loop: ModuleType, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = VAE.from_spec(spec, 4, 0.3, generator(1, "weights"))
    reference = reference_loop.ReferenceVAE.of(spec.name, TrainConfig(models=(spec,), zdim=4, sigma=0.3))
    reference.encoder.net.load_state_dict(vae.encoder.net.state_dict())
    reference.decoder.load_state_dict(vae.decoder.net.state_dict())
    images, noise = digits(10).images, torch.randn(10, 4, generator=generator(2, "noise"))

    def with_given_noise(self: torch.distributions.Normal) -> torch.Tensor:
        return self.loc + self.scale * noise

    monkeypatch.setattr(torch.distributions.Normal, "rsample", with_given_noise)
    x = images.float() / 255
    assert float(reference(x).detach()) == pytest.approx(float(vae(x, noise).loss().detach()), rel=1e-5)


def test_the_convolutional_pair_is_by_the_convention(reference_loop: ModuleType) -> None:
    network = Network("tui_vae.bench.convolutional")
    checked = check_networks(load_classes(network), 4, torch.device("cpu"))
    reference = reference_loop.ReferenceVAE.of(programs.CONV, TrainConfig(zdim=4))
    assert checked.facts.parameters == sum(p.numel() for p in reference.parameters())
    assert checked.remarks == ()


def test_figures_of_the_convolutional_pair() -> None:
    assert training_speed.own_network_figures(0.03, {"fp32": 0.02, "bf16": 0.015}) == {
        ("fp32: reference loop / training of a convolutional pair", "ratio"): pytest.approx(1.5),
        ("bf16: reference loop / training of a convolutional pair", "ratio"): pytest.approx(2.0),
        ("reference loop, a step of a convolutional pair", "ms"): pytest.approx(30.0),
        ("fp32: a step of a convolutional pair", "ms"): pytest.approx(20.0),
        ("bf16: a step of a convolutional pair", "ms"): pytest.approx(15.0),
    }


def test_the_reference_loop_sees_the_same_pixels(reference_loop: ModuleType) -> None:
    split = digits(3)
    for index, (image, label) in enumerate(
        map(reference_loop.Digits(split.images, split.labels).__getitem__, range(3))
    ):
        assert torch.equal(image.view(-1), split.images[index].float() / 255)
        assert label == 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_roofline_has_the_multiplications_of_a_step(spec: ModelSpec, precision: str) -> None:
    """Every weight once for each image forward and twice backward, but for the gradient of the images."""
    bound = roofline.Roofline(spec, config(spec, precision=precision))
    multiplications = sum(left.shape[0] * left.shape[1] * right.shape[1] for left, right, _ in bound.products)
    layers = [(784, *spec.hidden, 8), (4, *reversed(spec.hidden), 784)]
    weights = [a * b for widths in layers for a, b in itertools.pairwise(widths)]
    assert multiplications == 16 * (3 * sum(weights) - weights[0])
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    assert {tensor.dtype for product in bound.products for tensor in product} == {dtype}
    bound.run(2)


def test_a_step_is_timed_on_one_core_and_of_all_models_at_once() -> None:
    data = Dataset("mnist", digits(80), digits(20))
    step, bound = roofline.step_and_roofline(SPECS[1], config(SPECS[1]), Dataset("mnist", digits(20_000), digits(20)))
    assert bound > 0
    assert 0 < step < 1
    assert 0 < roofline.step_of_all(config(*SPECS), data) < 60


def test_a_model_that_fails_is_an_error() -> None:
    def fail(event: Event) -> None:
        if isinstance(event, Epoch):
            raise ValueError("no")

    with pytest.raises(TrainingError, match="failed"):
        roofline.train(config(SPECS[0]), Dataset("mnist", digits(80), digits(20)), fail)


def test_speed_is_told_as_ratios_and_what_they_are_made_of() -> None:
    of = {"together": 0.01, "baseline": 0.002, "roofline of baseline": 0.001, "deep": 0.01, "roofline of deep": 0.009}
    figures = speed_figures(0.04, {"fp32": 4.0, "bf16": 2.0}, {"fp32": of})
    epoch = 0.04 * 55_000 / 128
    assert figures == {
        ("fp32: reference loop / whole training of both models", "ratio"): pytest.approx(epoch / 4),
        ("fp32: reference loop / steps of both models", "ratio"): pytest.approx(4.0),
        ("fp32: roofline / step of baseline", "ratio"): pytest.approx(0.5),
        ("fp32: roofline / step of deep", "ratio"): pytest.approx(0.9),
        ("bf16: reference loop / whole training of both models", "ratio"): pytest.approx(epoch / 2),
        ("reference loop, an epoch of both models", "s"): pytest.approx(epoch),
        ("fp32: an epoch of both models", "s"): 4.0,
        ("fp32: a step of baseline, one core", "ms"): pytest.approx(2.0),
        ("fp32: a step of deep, one core", "ms"): pytest.approx(10.0),
        ("bf16: an epoch of both models", "s"): 2.0,
    }
    assert next(iter(figures))[1] == "ratio"


def test_a_training_with_the_interface_is_compared_with_one_without() -> None:
    headless, shown = Training(9.0, {"deep": 100.0}), Training(12.0, {"deep": 80.0})
    assert interface_figures(headless=headless, shown=shown) == {
        ("interface at 140x45 / headless", "ratio"): 0.75,
        ("deep: interface at 140x45 / headless", "ratio"): 0.8,
        ("deep: headless", "images/s"): 100.0,
    }


def test_the_reference_loop_counts_with_the_faster_way_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")

    def measured(command: tuple[object, ...], environment: dict[str, str]) -> dict[str, float]:
        assert environment["PATH"] == os.environ["PATH"]
        sleeps = environment.get("OMP_WAIT_POLICY") == "passive"
        return {"baseline": 0.01, "deep": 0.02} if sleeps else {"baseline": 0.008, "deep": 0.03}

    monkeypatch.setattr(training_speed, "json_from", measured)
    assert training_speed.reference_step("cpu") == pytest.approx(0.028)


@pytest.mark.long
def test_the_reference_loop_runs_as_a_program() -> None:
    # One thread: several of torch's own spin while they wait for each other, which is slow where cores are busy.
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    names = (*programs.MODELS, programs.CONV)
    assert set(json_from(("-m", "tui_vae.bench.reference_loop", 1, "cpu", *names), alone)) == set(names)


@pytest.mark.gpu
def test_the_device_has_a_name() -> None:
    assert training_speed.cuda_name() == torch.cuda.get_device_name(0)


@pytest.mark.gpu
def test_a_device_is_measured() -> None:
    figures = training_speed.measure_on_cuda("any")
    assert len(figures) == 5
    assert all(value > 0 for value in figures.values())


def test_each_setting_changes_what_its_title_says() -> None:
    assert list(SETTINGS) == ["width", "batch size", "models"]
    assert SETTINGS["width"]["1024,512"] == ("--model", "deep=1024,512")
    assert SETTINGS["batch size"]["512"] == ("--model", "deep=512,256", "--batch-size", "512")
    assert SETTINGS["models"]["2"] == ("--model", "deep-0=512,256", "--model", "deep-1=512,256")


def test_step_times_are_averaged_over_models_and_rates_added() -> None:
    training = Training(seconds=1.0, rates={"a": 1000.0, "b": 500.0}, megabytes=300.0)
    assert scaling_figures("2", training, batch=100) == {
        ("2: a step", "ms"): pytest.approx(150.0),
        ("2: all models", "images/s"): 1500.0,
        ("2: peak memory", "MB"): 300.0,
    }
