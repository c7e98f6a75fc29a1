"""Networks of the user's own are trained, saved and resumed as any other: buffers, shared weights, random numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.unit.model.wrong_networks import GOOD
from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.data import Dataset
from tui_vae.events import Epoch
from tui_vae.model import ModelBuilder
from tui_vae.model.network_check import check_networks
from tui_vae.model.source_code import load_classes

from .running import MODELS, Run, after_each_step, ends, identical, train

LAB = Path(__file__).parents[3] / "docs" / "examples" / "lab.py"
LAYER = "nn.Linear(zdim, 784)"
RANDOM = GOOD.replace(LAYER, f"nn.Sequential({LAYER}, nn.Dropout(0.3))")
NORMALISED = GOOD.replace(LAYER, f"nn.Sequential({LAYER}, nn.BatchNorm1d(784))")
SHARED = GOOD.replace("from torch import nn", "from torch import nn\nshared = nn.Linear(4, 4)").replace(
    "super().__init__()", "super().__init__()\n        self.shared = shared"
)
SHARED = SHARED.replace("self.layer(z)", "self.layer(self.shared(z))").replace("return mu,", "return self.shared(mu),")
OPTIONS = {"epochs": 2, "sigma": 0.5, "step": "general", "checkpoint_every": 1e9}


def own(path: Path, source: str, *names: str) -> tuple[ModelBuilder, tuple[ModelSpec, ...]]:
    """Models of these names, of one source of networks of four latents."""
    path.write_text(source)
    network = Network(str(path))
    checked = check_networks(load_classes(network), 4, torch.device("cpu"))
    network = network.resolved(checked.classes.files.sha256, checked.facts)
    return ModelBuilder({network.unresolved: checked}), tuple(ModelSpec(name, network=network) for name in names)


def stopped_and_resumed(data: Dataset, build: ModelBuilder, models: tuple[ModelSpec, ...], step: int) -> Run:
    with after_each_step(lambda engine, taken: engine.stop("test") if taken == step else None) as train_and_call:
        first = train_and_call(data, build=build, models=models, **OPTIONS)
    assert set(ends(first).values()) == {"stopped"}
    saved = {model: states[-1] for model, states in first.store.latest.items()}
    return train(data, saved=saved, build=build, models=models, **OPTIONS)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("source", [RANDOM, NORMALISED, SHARED], ids=["dropout", "batch norm", "shared"])
def test_a_resumed_training_has_the_same_bits(source: str, device: str, tmp_path: Path, tiny_mnist: Dataset) -> None:
    """Also while another model draws from torch's generator, as dropout does."""
    build, models = own(tmp_path / "nets.py", source, "one", "two")
    tiny_mnist = tiny_mnist.to(torch.device(device))
    straight = train(tiny_mnist, build=build, models=models, **OPTIONS)
    assert ends(straight) == {"one": "finished", "two": "finished"}
    resumed = stopped_and_resumed(tiny_mnist, build, models, step=4)
    for model in ("one", "two"):
        assert identical(straight.weights(model), resumed.weights(model))
        assert [e.elbo for e in straight.of(Epoch, model)][-2:] == [e.elbo for e in resumed.of(Epoch, model)][-2:]
    assert identical(straight.weights("one"), straight.weights("two"))  # of one seed


def test_a_model_alone_has_the_bits_of_one_in_company(tmp_path: Path, tiny_mnist: Dataset) -> None:
    build, models = own(tmp_path / "nets.py", RANDOM, "one", "two")
    state = torch.get_rng_state()
    alone = train(tiny_mnist, build=build, models=models[:1], **OPTIONS)
    together = train(tiny_mnist, build=build, models=models, **OPTIONS)
    assert identical(alone.weights("one"), together.weights("one"))
    assert torch.equal(torch.get_rng_state(), state)


def test_running_statistics_are_learned_in_training_and_used_in_evaluation(tmp_path: Path, tiny_mnist: Dataset) -> None:
    build, models = own(tmp_path / "nets.py", NORMALISED, "one")
    run = train(tiny_mnist, build=build, models=models, **OPTIONS)
    weights = run.weights("one")
    counted = weights["decoder.net.layer.1.num_batches_tracked"]
    assert int(counted) == 2 * 3  # batches of 100, 100 and 50 images; no held-out ones
    assert float(weights["decoder.net.layer.1.running_mean"].abs().sum()) > 0
    assert run.store.latest["one"][-1].weights["decoder.net.layer.1.num_batches_tracked"].dtype == torch.int64


def test_shared_weights_are_saved_once(tmp_path: Path, tiny_mnist: Dataset) -> None:
    build, models = own(tmp_path / "nets.py", SHARED, "one")
    run = train(tiny_mnist, build=build, models=models, **(OPTIONS | {"epochs": 1}))
    saved = run.store.latest["one"][-1]
    assert [name for name in saved.weights if "shared" in name] == [
        "encoder.net.shared.weight",
        "encoder.net.shared.bias",
    ]
    vae = build(models[0], TrainConfig(models=models, zdim=4, sigma=0.5), seed=0)
    assert vae.parameter_counts().total == sum({id(p): p.numel() for p in vae.parameters()}.values())
    assert vae.parameter_counts().encoder + vae.parameter_counts().decoder == vae.parameter_counts().total + 20
    vae.load_weights(saved.weights)
    assert isinstance(vae.decoder.net.shared, nn.Linear)
    assert torch.equal(vae.decoder.net.shared.weight, saved.weights["encoder.net.shared.weight"])
    with pytest.raises(RuntimeError, match=r"encoder\.net\.shared\.bias"):
        vae.load_weights({name: tensor for name, tensor in saved.weights.items() if name != "encoder.net.shared.bias"})


@pytest.mark.parametrize("hidden", [(), (512, 256)], ids=str)
def test_the_labs_networks_are_the_built_in_ones(hidden: tuple[int, ...], tiny_mnist: Dataset) -> None:
    """With the same initial weights, the same training, to rounding."""
    classes = ("DeepEncoder", "DeepDecoder") if hidden else ("Encoder", "Decoder")
    network = Network(str(LAB), *classes)
    checked = check_networks(load_classes(network), 4, torch.device("cpu"))
    spec, theirs = ModelSpec("built in", hidden), ModelSpec("own", network=network.resolved("", checked.facts))
    assert theirs.linear == spec.linear

    class SameWeights(ModelBuilder):
        def __call__(self, wanted: ModelSpec, config: TrainConfig, seed: int):  # type: ignore[no-untyped-def]
            vae, reference = super().__call__(wanted, config, seed), MODELS(spec, config, seed)
            if wanted is theirs:
                layers = [reference.encoder.net, reference.decoder.net]
                tensors = [tensor for net in layers for tensor in net.parameters()]
                *first, weight, bias = tensors[: len(tensors) // 2]
                mine = [*first, *_halves(weight, bias), *tensors[len(tensors) // 2 :]]
                for tensor, value in zip(vae.parameters(), mine, strict=True):
                    tensor.data.copy_(value)
            return vae

    options = OPTIONS | {"models": (spec, theirs), "epochs": 1}
    run = train(tiny_mnist, build=SameWeights({network.unresolved: checked}), **options)
    counts = [run.engine._results[name].parameters for name in ("built in", "own")]
    assert counts[0] == counts[1]
    for mine, other in zip(run.of(Epoch, "own"), run.of(Epoch, "built in"), strict=True):
        assert mine.elbo == pytest.approx(other.elbo, rel=1e-4)
        assert mine.kl == pytest.approx(other.kl, rel=1e-3, abs=1e-3)


def _halves(weight: Tensor, bias: Tensor) -> list[Tensor]:
    """The last layer of the encoder, which gives mu and log sigma, as two layers."""
    (mu, log_sigma), (mu_bias, log_sigma_bias) = weight.chunk(2), bias.chunk(2)
    return [mu, mu_bias, log_sigma, log_sigma_bias]
