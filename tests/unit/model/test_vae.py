"""The model: its size, its start, and what its forward pass gives."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from torch import nn

from tui_vae.config import ModelSpec, TrainConfig
from tui_vae.data.generators import generator
from tui_vae.model import VAE

LINEAR, DEEP = ModelSpec("baseline"), ModelSpec("deep", (512, 256))


def made(spec: ModelSpec, seed: int = 0, *, zdim: int = 32, sigma: float | str = 0.2) -> VAE:
    return VAE.from_spec(spec, zdim, sigma, torch.Generator().manual_seed(seed))


def batch(n: int = 16, zdim: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(9)
    return torch.rand(n, 784, generator=g), torch.randn(n, zdim, generator=g)


def test_numbers_of_parameters_of_the_default_models() -> None:
    config = TrainConfig()
    counts = {spec.name: made(spec, zdim=config.zdim).parameter_counts() for spec in config.models}
    assert (counts["baseline"].encoder, counts["baseline"].decoder) == (50_240, 25_872)
    assert (counts["deep"].encoder, counts["deep"].decoder) == (549_696, 542_224)
    for count in counts.values():
        assert count.total == count.encoder + count.decoder


def test_a_learned_sigma_is_one_more_parameter_of_the_decoder() -> None:
    fixed, learned = (made(DEEP, sigma=sigma).parameter_counts() for sigma in (0.2, "learned"))
    assert (learned.encoder, learned.decoder, learned.total) == (fixed.encoder, fixed.decoder + 1, fixed.total + 1)


def test_the_counts_are_those_of_the_optimiser() -> None:
    for sigma in (0.2, "learned"):
        vae = made(DEEP, sigma=sigma)
        assert vae.parameter_counts().total == sum(p.numel() for p in vae.parameters())


def test_the_decoder_mirrors_the_encoder() -> None:
    vae = made(ModelSpec("x", (7, 5, 3)), zdim=2)
    for net, widths in ((vae.encoder.net, [784, 7, 5, 3, 4]), (vae.decoder.net, [2, 3, 5, 7, 784])):
        layers = [m for m in net if isinstance(m, nn.Linear)]
        assert [layers[0].in_features, *(layer.out_features for layer in layers)] == widths
        assert isinstance(net[-1], nn.Linear)


def test_a_linear_model_has_two_layers_and_no_squashing() -> None:
    vae = made(LINEAR)
    for net in (vae.encoder.net, vae.decoder.net):
        (layer,) = net.children()
        assert isinstance(layer, nn.Linear)


@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=lambda spec: spec.name)
def test_the_weights_are_a_function_of_the_generator_alone(spec: ModelSpec) -> None:
    torch.manual_seed(1)
    one = made(spec).state_dict()
    torch.manual_seed(2)
    same, other = made(spec).state_dict(), made(spec, seed=1).state_dict()
    for name, weight in one.items():
        assert torch.equal(weight, same[name])
        assert name == "decoder.log_sigma" or not torch.equal(weight, other[name])


@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=lambda spec: spec.name)
def test_making_a_model_leaves_the_global_generator_alone(spec: ModelSpec) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    made(spec)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_start_follows_the_law_of_a_fully_connected_layer() -> None:
    """Bounds of ``nn.Linear``, and the quantiles of one, for every weight and bias."""
    torch.manual_seed(0)  # for the references
    levels = torch.linspace(0, 1, 21)
    for module in made(DEEP).modules():
        if not isinstance(module, nn.Linear):
            continue
        bound = 1 / math.sqrt(module.in_features)
        reference = nn.Linear(module.in_features, module.out_features)
        for mine, theirs in ((module.weight, reference.weight), (module.bias, reference.bias)):
            assert float(mine.detach().abs().max()) <= bound
            assert float(theirs.detach().abs().max()) <= bound
            # A quantile of n draws of U(-b, b) has a standard error of at most b / sqrt(n); two of them are compared.
            tolerance = 5 * bound * math.sqrt(2 / mine.numel())
            quantiles = [torch.quantile(p.detach().flatten()[:400_000], levels) for p in (mine, theirs)]
            torch.testing.assert_close(*quantiles, rtol=0, atol=tolerance)


def test_both_models_of_a_run_may_start_from_one_seed() -> None:
    baseline, deep = (VAE.from_spec(spec, 32, 0.2, generator(0, "weights")) for spec in (LINEAR, DEEP))
    assert not torch.equal(baseline.decoder.net[0].weight[:, 0], deep.decoder.net[-1].weight[:, 0])


@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=lambda spec: spec.name)
def test_shapes_and_types(spec: ModelSpec) -> None:
    x, noise = batch()
    terms = made(spec)(x, noise)
    assert terms.reconstruction.shape == (16,)
    assert terms.kl.shape == terms.mu.shape == (16, 32)
    assert terms.loss().shape == ()
    torch.testing.assert_close(terms.loss(), -(terms.reconstruction - terms.kl.sum(1)).mean())


@pytest.mark.parametrize("sigma", [0.2, "learned"])
@pytest.mark.parametrize("spec", [LINEAR, DEEP], ids=lambda spec: spec.name)
def test_products_in_bf16_give_moments_in_fp32(spec: ModelSpec, sigma: float | str) -> None:
    x, noise = batch()
    vae = made(spec, sigma=sigma)
    exact = vae(x, noise)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mu, log_sigma = vae.encoder(x)
        mean = vae.decoder(noise)
        terms = vae(x, noise)
        loss = terms.loss()
    for tensor in (mu, log_sigma, mean, terms.reconstruction, terms.kl, terms.mu, loss):
        assert tensor.dtype == torch.float32
    # They were computed in bf16, which has 8 bits: near the exact ones and not equal to them.
    assert not torch.equal(terms.mu, exact.mu)
    torch.testing.assert_close(terms.mu, exact.mu, rtol=0.05, atol=0.02)
    torch.testing.assert_close(terms.reconstruction, exact.reconstruction, rtol=0.02, atol=1)
    loss.backward()
    assert {p.grad.dtype for p in vae.parameters() if p.grad is not None} == {torch.float32}


@pytest.mark.parametrize(("sigma", "value"), [(0.2, 0.2), (1, 1.0), (1e-3, 1e-3), ("learned", 0.2)])
def test_sigma_of_the_decoder(sigma: float | str, value: float) -> None:
    assert made(LINEAR, sigma=sigma).decoder.sigma == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.2, "learned"])
def test_reading_sigma_warns_of_nothing(sigma: float | str) -> None:
    """A warning that a library prints would land in the middle of the interface."""
    vae = made(LINEAR, sigma=sigma)
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert vae.decoder.sigma > 0
    finally:
        torch.set_warn_always(always)


def test_a_fixed_sigma_is_stored_with_the_weights_and_is_no_parameter() -> None:
    vae = made(LINEAR, sigma=0.3)
    assert "decoder.log_sigma" in vae.state_dict()
    assert "decoder.log_sigma" not in dict(vae.named_parameters())
