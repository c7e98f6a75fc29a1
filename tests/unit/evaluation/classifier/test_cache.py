"""A classifier of another data set: trained once, found again, and never trusted when it is not whole.

The weights that the package ships: whole, small, good at digits, and with features fit for distances.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tui_vae.data import Split
from tui_vae.errors import DataError, ExitCode
from tui_vae.evaluation.classifier import FEATURES, ClassifierOutput, classifier_for, load_shipped
from tui_vae.evaluation.classifier.cache import SHIPPED_SHA256, cache_folder, shipped_path
from tui_vae.evaluation.classifier.network import from_bytes, to_bytes


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tui-vae" / "classifiers"


@pytest.fixture(scope="session")
def few_digits(mnist: tuple[Split, Split]) -> Split:
    """40 training digits, every class among them: what is learned from them does not matter here."""
    return mnist[0].rows(0, 40)


class Asked:
    """A request for a classifier: its weights, and the reported progress."""

    def __init__(self, train: Split, name: str = "kmnist") -> None:
        self.reported: list[tuple[float, str]] = []
        self.weights = to_bytes(
            classifier_for(name, train, report=lambda share, text: self.reported.append((share, text)))
        )

    @property
    def trained(self) -> bool:
        return any("training a classifier" in text for _, text in self.reported)


def test_that_of_mnist_is_shipped(few_digits: Split, folder: Path) -> None:
    asked = Asked(few_digits, "mnist")
    assert asked.weights == to_bytes(load_shipped())
    assert asked.reported == []
    assert not folder.exists()


def test_another_is_trained_once_and_used_the_second_time(few_digits: Split, folder: Path) -> None:
    first, second = Asked(few_digits), Asked(few_digits)
    assert {text for _, text in first.reported} == {"training a classifier of kmnist for the fidelity metrics, once"}
    shares = [share for share, _ in first.reported]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert second.reported == []
    assert second.weights == first.weights
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".safetensors"]


def test_it_stands_sidecar_the_weights_what_they_belong_to(few_digits: Split, folder: Path) -> None:
    Asked(few_digits)
    (path,) = folder.glob("*.json")
    sidecar = json.loads(path.read_text())
    assert sidecar["dataset"] == "kmnist"
    assert sidecar.keys() == {"dataset", "images_sha256", "labels_sha256", "network", "recipe", "weights_sha256"}


def test_other_images_labels_or_names_have_their_own(few_digits: Split, folder: Path) -> None:
    images, labels = few_digits.images.clone(), few_digits.labels.clone()
    images[0, 0] = 1
    labels[0] = (labels[0] + 1) % 10
    Asked(few_digits)
    assert Asked(Split(images, few_digits.labels)).trained
    assert Asked(Split(few_digits.images, labels)).trained
    assert Asked(few_digits, "../../odd/name").trained
    assert len(list(folder.glob("*.safetensors"))) == 4
    assert not Asked(few_digits).trained


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def of_another_shape(path: Path) -> None:
    """A pair that is whole in itself, but of another network."""
    content = safetensors.torch.save({"weight": torch.zeros(3)})
    path.write_bytes(content)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    sidecar["weights_sha256"] = hashlib.sha256(content).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(sidecar))


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        of_another_shape,
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: path.with_suffix(".json").unlink(),
        lambda path: path.with_suffix(".json").write_text('{"dataset": "kmn'),
        lambda path: path.with_suffix(".json").write_text("[" * 100_000),
        lambda path: path.with_suffix(".json").write_bytes(b"\xff"),
    ],
)
def test_a_damaged_one_is_trained_again(damage: Callable[[Path], None], few_digits: Split, folder: Path) -> None:
    first = Asked(few_digits)
    (path,) = folder.glob("*.safetensors")
    damage(path)
    second = Asked(few_digits)
    assert second.trained
    assert second.weights == first.weights
    assert Asked(few_digits).reported == []


def test_a_cache_that_cannot_be_written_is_said_and_done_without(few_digits: Split, tmp_path: Path) -> None:
    (tmp_path / "tui-vae").write_text("a file where a folder is due")
    asked = Asked(few_digits)
    assert asked.reported[-1] == (
        1.0,
        f"the classifier of kmnist cannot be kept for the next time (Not a directory: {tmp_path}/tui-vae/classifiers)",
    )
    assert Asked(few_digits).trained
    assert [path.name for path in tmp_path.iterdir()] == ["tui-vae"]


def test_a_half_written_file_is_not_left(few_digits: Split, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert Asked(few_digits).reported[-1][1].endswith("(No space left on device)")
    assert list(folder.iterdir()) == []


def test_a_user_without_a_home_has_no_cache(few_digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(cls: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", classmethod(homeless))
    assert Asked(few_digits).reported[-1][1].endswith("(no home directory)")


@pytest.mark.parametrize("value", [None, "", "relative/folder"])
def test_without_an_absolute_folder_it_is_below_home(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    if value is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tui-vae" / "classifiers"


def test_images_that_are_no_ten_classes_are_refused_before_anything_is_looked_up(folder: Path) -> None:
    train = Split(torch.zeros(4, 784, dtype=torch.uint8), torch.tensor([0, 1, 2, 46], dtype=torch.uint8))
    with pytest.raises(DataError, match="these are labelled 0, 1, 2, 46"):
        classifier_for("letters", train)
    assert not folder.exists()


def test_the_file_is_small_and_the_features_are_few() -> None:
    assert shipped_path().stat().st_size < 500_000
    assert FEATURES <= 128


def test_the_test_digits_are_classified(described_test_digits: ClassifierOutput, mnist: tuple[Split, Split]) -> None:
    right = described_test_digits.probabilities.argmax(1) == mnist[1].labels
    assert float(right.double().mean()) >= 0.993


def test_how_the_weights_were_made_stands_sidecar_them() -> None:
    notice = shipped_path().with_name("NOTICE.md").read_text(encoding="utf-8")
    assert SHIPPED_SHA256 in notice
    assert all(word in notice for word in ("python -m tui_vae.evaluation.classifier", "CC BY-SA 3.0", "Yann LeCun"))


def test_no_feature_is_dead_for_most_digits(
    described_test_digits: ClassifierOutput, mnist: tuple[Split, Split]
) -> None:
    """A feature that is constant on a class says nothing of what its images vary in."""
    features, labels = described_test_digits.features, mnist[1].labels
    within = torch.stack([features[labels == digit].std(0) for digit in range(10)])
    assert int((within < 0.02 * features.std(0)).sum(0).max()) <= 2


def test_the_covariance_of_the_features_has_full_rank(described_test_digits: ClassifierOutput) -> None:
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
