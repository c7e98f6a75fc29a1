"""The weights that the package ships: whole, small, good at digits, and with features fit for distances."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from tui_vae.data import Split
from tui_vae.errors import DataError, ExitCode
from tui_vae.evaluation.classifier import FEATURES, Described, load_shipped
from tui_vae.evaluation.classifier.network import from_bytes, to_bytes
from tui_vae.evaluation.classifier.weights import SHIPPED_SHA256, shipped_path


def test_the_file_is_small_and_the_features_are_few() -> None:
    assert shipped_path().stat().st_size < 500_000
    assert FEATURES <= 128


def test_the_test_digits_are_told_apart(described_test_digits: Described, mnist: tuple[Split, Split]) -> None:
    right = described_test_digits.probabilities.argmax(1) == mnist[1].labels
    assert float(right.double().mean()) >= 0.993


def test_how_the_weights_were_made_stands_beside_them() -> None:
    notice = shipped_path().with_name("NOTICE.md").read_text(encoding="utf-8")
    assert SHIPPED_SHA256 in notice
    assert all(word in notice for word in ("python -m tui_vae.evaluation.classifier", "CC BY-SA 3.0", "Yann LeCun"))


def test_no_feature_is_dead_for_most_digits(described_test_digits: Described, mnist: tuple[Split, Split]) -> None:
    """A feature that is constant on a class says nothing of what its images vary in."""
    features, labels = described_test_digits.features, mnist[1].labels
    within = torch.stack([features[labels == digit].std(0) for digit in range(10)])
    assert int((within < 0.02 * features.std(0)).sum(0).max()) <= 2


def test_the_covariance_of_the_features_has_full_rank(described_test_digits: Described) -> None:
    spectrum = torch.linalg.eigvalsh(torch.cov(described_test_digits.features.double().T))
    assert float(spectrum[0]) > 1e-4 * float(spectrum[-1])


@pytest.mark.parametrize("place", [3, 100, 200_000, -1])
def test_a_flipped_byte_is_refused(place: int, tmp_path: Path) -> None:
    content = bytearray(shipped_path().read_bytes())
    content[place] ^= 1
    path = tmp_path / "mnist.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match="content differs from the published weights; install tui-vae again") as caught:
        load_shipped(path)
    assert caught.value.exit_code == ExitCode.DATA
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file or directory"):
        load_shipped(tmp_path / "mnist.safetensors")


def test_weights_come_back_from_bytes_as_they_were() -> None:
    content = shipped_path().read_bytes()
    assert to_bytes(from_bytes(content)) == content


def changed(name: str, tensor: torch.Tensor) -> bytes:
    state = safetensors.torch.load(shipped_path().read_bytes())
    return bytes(safetensors.torch.save({**state, name: tensor}))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a safetensors file"),
        (b"\xff" * 64, "not a safetensors file"),
        (safetensors.torch.save({}), "maps.0.weight is not what"),
        (changed("logits.bias", torch.zeros(11)), "logits.bias is not what"),
        (changed("logits.bias", torch.zeros(10, dtype=torch.float64)), "logits.bias is not what"),
        (changed("logits.bias", torch.full((10,), torch.nan)), "logits.bias is not finite"),
        (changed("more", torch.zeros(1)), "more tensors"),
    ],
)
def test_weights_of_something_else_are_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_bytes(content)
