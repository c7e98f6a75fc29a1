"""MNIST as the package ships it: the published files, whole, and none but those."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import torch

from tui_vae.config import TrainConfig
from tui_vae.data import Split, load_dataset
from tui_vae.data.mnist import load_mnist
from tui_vae.errors import DataError, ExitCode

FOLDER = Path(str(resources.files("tui_vae.data") / "mnist"))
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.mark.parametrize("name", MD5)
def test_the_files_are_the_published_ones(name: str) -> None:
    content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == MD5[name]


def test_author_and_licence_stand_beside_the_files() -> None:
    notice = (FOLDER / "NOTICE.md").read_text()
    assert all(word in notice for word in ("Yann LeCun", "Corinna Cortes", "CC BY-SA 3.0"))


def test_numbers_of_images_and_of_each_digit(mnist: tuple[Split, Split]) -> None:
    train, test = mnist
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.images.shape == (60_000, 784)
    assert train.images.dtype == test.images.dtype == torch.uint8
    assert torch.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_the_first_digits_are_upright(mnist: tuple[Split, Split]) -> None:
    """The first image is a 5 whose rows, not columns, are empty at the top."""
    train, _ = mnist
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    rows = train.images[0].reshape(28, 28).sum(1)
    columns = train.images[0].reshape(28, 28).sum(0)
    assert (rows == 0).nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 25, 26, 27]
    assert (columns == 0).nonzero().flatten().tolist() == [0, 1, 2, 3, 24, 25, 26, 27]


def test_a_configuration_divides_it(mnist: tuple[Split, Split]) -> None:
    train, test = mnist
    data = load_dataset(TrainConfig())
    assert (data.name, len(data.train), len(data.held_out)) == ("mnist", 55_000, 5_000)
    assert torch.equal(data.train.images, train.images[:55_000])
    assert torch.equal(data.held_out.labels, train.labels[55_000:])
    whole = load_dataset(TrainConfig(val_size=0))
    assert (len(whole.train), len(whole.held_out)) == (60_000, 10_000)
    assert torch.equal(whole.held_out.images, test.images)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def swap_with_labels(file: Path) -> None:
    file.write_bytes((file.parent / file.name.replace("images-idx3", "labels-idx1")).read_bytes())


def swap_with_images(file: Path) -> None:
    file.write_bytes((file.parent / file.name.replace("labels-idx1", "images-idx3")).read_bytes())


def swap_with_the_other_split(file: Path) -> None:
    file.write_bytes((file.parent / file.name.replace("t10k", "train")).read_bytes())


def change_one_label(file: Path) -> None:
    content = bytearray(gzip.decompress(file.read_bytes()))
    content[-1] ^= 1
    file.write_bytes(gzip.compress(content))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("train-images-idx3-ubyte", cut_off),
        ("train-images-idx3-ubyte", swap_with_labels),
        ("train-images-idx3-ubyte", Path.unlink),
        ("train-labels-idx1-ubyte", flip_a_byte),
        ("train-labels-idx1-ubyte", change_one_label),
        ("t10k-images-idx3-ubyte", flip_a_byte),
        ("t10k-labels-idx1-ubyte", swap_with_the_other_split),
        ("t10k-labels-idx1-ubyte", swap_with_images),
    ],
)
def test_a_damaged_copy_is_refused(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "mnist")
    damage(folder / f"{name}.gz")
    with pytest.raises(DataError) as caught:
        load_mnist(folder)
    assert f"{name}.gz" in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == ExitCode.DATA
