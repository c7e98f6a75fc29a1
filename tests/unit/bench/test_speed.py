"""What the benchmark compares: that it is the same work, and that figures follow from what was measured."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
import time
from dataclasses import replace
from types import ModuleType

import pytest
import torch

from tui_vae.bench import roofline, speed
from tui_vae.bench.speed import Round, Trained, figures
from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data import Dataset, Split
from tui_vae.data.generators import generator
from tui_vae.model import VAE

SPECS = [ModelSpec("linear"), ModelSpec("deep", (40, 20))]


def config(spec: ModelSpec, precision: str = "fp32") -> TrainConfig:
    chosen = TrainConfig(models=(spec,), zdim=4, batch_size=16)
    return chosen.resolved(device="cpu", precision=precision, threads=1, train_size=80)


@pytest.fixture(scope="module")
def lab_loop() -> ModuleType:
    """Imported here: it loads torchvision, two seconds that every process of the tests would pay."""
    return importlib.import_module("tui_vae.bench.reference_loop")


def digits(images: int) -> Split:
    drawn = torch.randint(0, 256, (images, 784), generator=generator(0, "test")).to(torch.uint8)
    return Split(drawn, torch.zeros(images, dtype=torch.uint8))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_loop_of_the_lab_minimises_what_the_trainer_does(
    lab_loop: ModuleType, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = VAE.from_spec(spec, 4, 0.3, generator(1, "weights"))
    lab = lab_loop.LabVAE(spec.hidden, 4, 0.3)
    lab.encoder.load_state_dict(vae.encoder.net.state_dict())
    lab.decoder.load_state_dict(vae.decoder.net.state_dict())
    images, noise = digits(10).images, torch.randn(10, 4, generator=generator(2, "noise"))

    def drawn_before(self: torch.distributions.Normal) -> torch.Tensor:
        return self.loc + self.scale * noise

    monkeypatch.setattr(torch.distributions.Normal, "rsample", drawn_before)
    x = images.float() / 255
    assert float(lab(x).detach()) == pytest.approx(float(vae(x, noise).loss().detach()), rel=1e-5)


def test_the_loop_of_the_lab_sees_the_same_pixels(lab_loop: ModuleType) -> None:
    split = digits(3)
    for index, (image, label) in enumerate(map(lab_loop.Digits(split.images, split.labels).__getitem__, range(3))):
        assert torch.equal(image.view(-1), split.images[index].float() / 255)
        assert label == 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_bound_multiplies_what_a_step_must(spec: ModelSpec, precision: str) -> None:
    """Once every weight for each image forward and twice back, but for the gradient of the images."""
    least = roofline.Bound(spec, config(spec, precision))
    multiplications = sum(left.shape[0] * left.shape[1] * right.shape[1] for left, right, _ in least._products)
    layers = [(784, *spec.hidden, 8), (4, *reversed(spec.hidden), 784)]
    weights = [a * b for widths in layers for a, b in itertools.pairwise(widths)]
    assert multiplications == 16 * (3 * sum(weights) - weights[0])
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    assert {tensor.dtype for product in least._products for tensor in product} == {dtype}
    least.go(2)


def test_the_steps_that_are_measured_are_those_of_the_trainer() -> None:
    spec, data = SPECS[1], Dataset("mnist", digits(80), digits(20))
    stepping = roofline.trainer(spec, config(spec), data)
    before = {name: tensor.clone() for name, tensor in stepping.vae.state_dict().items()}
    # Five are one trace, but for the rest of an epoch: this one has five steps, too, of 16 images.
    assert [stepping.go(23), stepping.go(1)] == [25, 5]
    assert stepping.saved().course.step == 30
    changed = {name for name, tensor in stepping.vae.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == before.keys() - {"decoder.log_sigma"}


def test_steps_of_all_models_end_with_the_slowest_and_each_has_its_threads() -> None:
    taken: dict[int, list[int]] = {1: [], 2: []}

    def go(steps: int) -> int:
        threads = torch.get_num_threads()
        taken[threads].append(steps)
        time.sleep(0.05 * threads if steps == 4 else 0.0)
        return steps

    assert roofline.together([(go, 1), (go, 2)], 4) >= 0.1 / 4
    assert taken == {1: [roofline.WARM_UP, 4], 2: [roofline.WARM_UP, 4]}


def test_a_model_that_fails_while_it_warms_up_leaves_nobody_waiting() -> None:
    def fails(steps: int) -> int:
        raise ValueError(f"{steps} steps are too many")

    with pytest.raises(ValueError, match=f"{roofline.WARM_UP} steps are too many"):
        roofline.together([(lambda steps: steps, 1), (fails, 1)], 4)


def test_figures_are_ratios_of_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "cores", lambda: 2)

    def measured(factor: float) -> Round:
        trained = Trained(
            in_turn={"baseline": [(0.002, 0.001)], "deep": [(0.010, 0.009), (0.008, 0.008)]},
            at_once={"baseline": (0.002, 0.001), "deep": (0.010, 0.009)},
            steps=0.01 * factor,
            together=1.0 * factor,
            alone={"baseline": 0.2, "deep": 0.5},
        )
        lab = {"baseline": (0.01 * factor, 0.02), "deep": (0.03 * factor, 0.04)}
        return Round(lab, {"fp32": trained, "bf16": replace(trained, together=0.5 * factor)})

    told = {m.name: m for m in figures([measured(1), measured(3)], images=12_800)}
    assert told["lab's loop, an epoch of both models"].median == pytest.approx(0.04 * 2 * 100)
    assert told["fp32: both models together, an epoch"].low == pytest.approx(1.0)
    for precision, expected in (("fp32", 4.0), ("bf16", 8.0)):
        ratio = told[f"{precision}: lab's loop / both models together"]
        assert (ratio.low, ratio.high) == (pytest.approx(expected), pytest.approx(expected))
    assert told["fp32: lab's loop / both, seconds of cores"].median == pytest.approx(0.06 / 0.010)
    assert told["fp32: lab's loop / steps of both together"].median == pytest.approx(4.0)
    assert told["fp32: lab's loop / bounds, on all cores"].low == pytest.approx(0.04 / 0.005)
    assert told["fp32: bound / step, deep"].high == pytest.approx(1.0)
    assert told["bf16: deep alone, an epoch"].median == pytest.approx(0.5)
    assert next(iter(told.values())).unit == "ratio"


def test_the_loop_of_the_lab_waits_in_the_way_that_is_better_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    asked = []

    def told_by(*arguments: object, environment: dict[str, str]) -> dict[str, list[float]]:
        asked.append(arguments)
        sleeps = environment.get("OMP_WAIT_POLICY") == "passive"
        assert environment["PATH"] == os.environ["PATH"]
        return (
            {"baseline": [0.01, 0.01], "deep": [0.02, 0.03]}
            if sleeps
            else {"baseline": [0.008, 0.016], "deep": [0.03, 0.06]}
        )

    monkeypatch.setattr(speed, "told_by", told_by)
    assert speed.lab_at_its_best(60, "cpu") == {"baseline": (0.008, 0.01), "deep": (0.02, 0.03)}
    assert asked == [("lab_loop", 60, "cpu")] * 2


@pytest.mark.long
def test_the_loop_of_the_lab_is_a_program_of_its_own() -> None:
    # One thread: several of torch's own spin while they wait for each other, which is slow where cores are busy.
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tui_vae.bench.reference_loop", "1"]
    done = subprocess.run(command, check=True, capture_output=True, env=alone)
    assert b"baseline" in done.stdout
    assert b"deep" in done.stdout
