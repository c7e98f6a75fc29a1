"""Networks of the user's own are checked before anything is made of them, and what they need is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.model.wrong_networks import GOOD, WRONG
from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.model import ModelBuilder
from tui_vae.model.network_check import check_networks
from tui_vae.model.own_networks import CheckedNetwork
from tui_vae.model.source_code import NetworkError, load_classes

CPU = torch.device("cpu")
Check = Callable[..., CheckedNetwork]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Writes a file and checks its networks, of four latents."""

    def call(source: str, arguments: str = "") -> CheckedNetwork:
        path = tmp_path / "nets.py"
        path.write_text(source)
        return check_networks(load_classes(Network(str(path), arguments=arguments)), 4, CPU)

    return call


@pytest.mark.parametrize("what", WRONG)
def test_a_fault_is_one_line_that_says_where_and_what_to_do(what: str, check: Check) -> None:
    source, words = WRONG[what]
    with pytest.raises(NetworkError) as caught:
        check(source)
    text = str(caught.value)
    assert [word for word in words if word not in text] == [], text
    assert "\n" not in text
    assert text.startswith("nets.py")


def test_good_networks_have_their_size_and_work(check: Check) -> None:
    found = check(GOOD)
    weights = 784 * 8 + 8 + 4 * 784 + 784
    assert found.facts.parameters == weights
    assert found.facts.work == weights  # biases are added, not multiplied: the number of weights is more
    assert found.facts.linear
    assert not found.draws
    assert found.remarks == ()


def test_the_work_of_a_convolution_is_more_than_its_weights(check: Check) -> None:
    source = GOOD.replace(
        "        return self.layer(z)", "        return self.conv(self.layer(z).view(-1, 1, 28, 28))"
    ).replace("nn.Linear(zdim, 784)", "nn.Linear(zdim, 784)\n        self.conv = nn.Conv2d(1, 1, 5, padding=2)")
    facts = check(source).facts
    assert facts.work == 784 * 8 + 4 * 784 + 25 * 784
    assert facts.linear  # a convolution is, too


@pytest.mark.parametrize(
    "layer", ["nn.ReLU()", "nn.Tanh()", "nn.Sequential(nn.Linear(784, 784), nn.GELU())", "nn.LayerNorm(784)"]
)
def test_a_network_with_a_kink_anywhere_is_not_linear(layer: str, check: Check) -> None:
    source = GOOD.replace("return self.layer(z)", "return self.after(self.layer(z))")
    source = source.replace("nn.Linear(zdim, 784)", f"nn.Linear(zdim, 784)\n        self.after = {layer}")
    assert not check(source).facts.linear


def test_a_network_that_is_linear_at_first_only_is_not_linear(check: Check) -> None:
    """A branch whose last weight is 0 at the start."""
    source = GOOD.replace("return self.layer(z)", "return self.layer(z) + self.gate * self.layer(z).tanh()")
    source = source.replace(
        "nn.Linear(zdim, 784)", "nn.Linear(zdim, 784)\n        self.gate = nn.Parameter(torch.zeros(1))"
    )
    assert not check(source).facts.linear


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("nn.BatchNorm1d(784)", ["other images of the batch"]),
        ("nn.Dropout(0.5)", []),
        ("Noise()", ["in evaluation too"]),
        ("Drift()", ["has other bits"]),
    ],
)
def test_what_outputs_depend_on_is_told(layer: str, words: list[str], check: Check) -> None:
    source = GOOD.replace("return self.layer(z)", "return self.after(self.layer(z))")
    source = source.replace("nn.Linear(zdim, 784)", f"nn.Linear(zdim, 784)\n        self.after = {layer}")
    source += """
class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)

class Drift(nn.Module):
    calls = 0
    def forward(self, x):
        self.calls += 1
        return x * self.calls
"""
    found = check(source)
    assert len(found.remarks) == len(words)
    assert all(word in remark.text for word, remark in zip(words, found.remarks, strict=True))
    assert found.draws == (layer in ("nn.Dropout(0.5)", "Noise()"))


def test_weights_from_elsewhere_than_torch_are_told(check: Check) -> None:
    source = GOOD + "\n_init = Decoder.__init__\ndef made(self, zdim):\n    import random\n    _init(self, zdim)\n"
    source += "    with torch.no_grad():\n        self.layer.bias.fill_(random.random())\n\nDecoder.__init__ = made\n"
    (remark,) = check(source).remarks
    assert "cannot be repeated exactly" in remark.text


def test_arguments_reach_both_classes(check: Check) -> None:
    source = GOOD.replace("(self, zdim)", "(self, zdim, width=3)").replace("2 * zdim)", "2 * zdim, bias=width == 5)")
    assert check(source, "width=5").facts.parameters - check(source).facts.parameters == 8


def test_a_parameter_of_both_networks_is_counted_once(check: Check) -> None:
    source = "import torch\nfrom torch import nn\nshared = nn.Linear(4, 4)\n" + GOOD
    source = source.replace("return mu, log_sigma.exp()", "return self.shared(mu), log_sigma.exp()")
    source = source.replace("2 * zdim)", "2 * zdim)\n        self.shared = shared")
    source = source.replace("return self.layer(z)", "return self.layer(self.shared(z))")
    source = source.replace("nn.Linear(zdim, 784)", "nn.Linear(zdim, 784)\n        self.shared = shared")
    assert check(source).facts.parameters == check(GOOD).facts.parameters + 20


def test_what_a_script_sets_for_the_process_is_restored(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    state, dtype = torch.get_rng_state(), torch.get_default_dtype()
    check(f"print('hello')\nimport torch\ntorch.manual_seed(3)\ntorch.set_grad_enabled(False)\n{GOOD}")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() is dtype
    assert torch.is_grad_enabled()
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", "hello")  # stdout may be for JSON


def test_a_last_batch_of_a_single_image_is_refused_where_it_cannot_be_normalised(check: Check) -> None:
    source = GOOD.replace("nn.Linear(zdim, 784)", "nn.Sequential(nn.Linear(zdim, 784), nn.BatchNorm1d(784))")
    checked = check(source)
    spec = ModelSpec("own", network=checked.classes.network)
    build = ModelBuilder({checked.classes.network.unresolved: checked})
    config = TrainConfig(models=(spec,), zdim=4, batch_size=128)
    build.check_batches(config, 256)
    build.check_batches(config, 258)
    with pytest.raises(UsageError, match=r"^--model own: .* 257 images leave for the last batch of 128; choose"):
        build.check_batches(config, 257)
    assert check(GOOD).least_batch == 1


def test_lazy_layers_get_their_sizes_from_a_first_call(check: Check) -> None:
    source = GOOD.replace("nn.Linear(784, 2 * zdim)", "nn.LazyLinear(2 * zdim)")
    checked = check(source)
    assert checked.facts == check(GOOD).facts
    assert checked.remarks == ()  # the same weights each time, from the seed
    unused = GOOD.replace("        return self.layer(z)", "        return self.layer(z)\n\n    unused = None")
    unused = unused.replace("nn.Linear(zdim, 784)", "nn.Linear(zdim, 784)\n        self.other = nn.LazyLinear(3)")
    with pytest.raises(NetworkError, match=r"class Decoder: other\.weight is of a lazy layer"):
        check(unused)
