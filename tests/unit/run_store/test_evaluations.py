"""Evaluations kept in a run: read back as they were written, or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor

from tui_vae.codec import to_builtins
from tui_vae.config import EvaluationConfig
from tui_vae.events import Evaluation, Parameters
from tui_vae.metrics import METRICS, MetricValue, Picture
from tui_vae.run_store import RunDirectory, files
from tui_vae.run_store.evaluations import StoredEvaluation, read_evaluation, write_evaluation
from tui_vae.run_store.manifest import manifest
from tui_vae.run_store.pictures import picture_of

MODEL = "tief/深い"
PIXELS = np.random.default_rng(0).integers(0, 256, (28, 56), dtype=np.uint8)
PER_IMAGE = {"elbo": np.linspace(-3, 9, 12)}

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.builds(
    MetricValue,
    metric=st.sampled_from(list(METRICS)),
    value=finite,
    interval=st.none() | st.tuples(finite, finite),
    floor=st.none() | finite,
    n=st.integers(0, 10**9),
    source=st.text(max_size=20),
)


def evaluation(**fields: Any) -> Evaluation:
    defaults = {
        "t": 7.5,
        "seed": 3,
        "epoch": 2,
        "step": 860,
        "parameters": Parameters(5, 6, 11),
        "metrics": (MetricValue("elbo", 1 / 3, (0.25, 0.5), None, 12, "test images"),),
        "class_shares": (0.5, 0.5),
        "kl_per_latent": (1.5, 0.0),
        "predicted_kl_per_latent": None,
        "pictures": (Picture("prior-means", "prior means", "", ("z",), ("a", "b")),),
        "seconds": 1.25,
    }
    return Evaluation(model=MODEL, **(defaults | fields))


def stored(per_image: dict[str, npt.NDArray[np.float64]] = PER_IMAGE, **fields: Any) -> StoredEvaluation:
    return StoredEvaluation(evaluation(**fields), EvaluationConfig().identity(), per_image)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    path = tmp_path / "20260101-000000-otter"
    path.mkdir()
    return RunDirectory(path, "otter")


def keep(run: RunDirectory, what: StoredEvaluation | None = None) -> StoredEvaluation:
    return write_evaluation(run, what or stored(), {"prior-means": PIXELS})


def assert_equal(read: StoredEvaluation | None, written: StoredEvaluation) -> None:
    assert read is not None
    assert read.result == written.result
    assert read.settings == written.settings
    assert read.per_image.keys() == written.per_image.keys()
    assert all(np.array_equal(read.per_image[name], written.per_image[name]) for name in read.per_image)


def test_what_was_written_is_read_back_with_its_pictures(run: RunDirectory) -> None:
    assert read_evaluation(run, MODEL) is None
    written = keep(run)
    assert_equal(read_evaluation(run, MODEL), written)
    (picture,) = written.result.pictures
    assert picture.file.startswith("evaluation/")
    assert np.array_equal(picture_of(run, picture.file), PIXELS)
    assert read_evaluation(run, "another") is None


@given(
    metrics=st.lists(values, max_size=4).map(tuple),
    spectrum=st.lists(finite, max_size=5).map(tuple),
    numbers=st.lists(finite, max_size=20),
)
def test_any_numbers_are_read_back(
    tmp_path_factory: Any, metrics: tuple[MetricValue, ...], spectrum: tuple[float, ...], numbers: list[float]
) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("run"), "otter")
    per_image = {"iwae": np.array(numbers, dtype=np.float64)}
    written = keep(run, stored(per_image, metrics=metrics, kl_per_latent=spectrum, predicted_kl_per_latent=spectrum))
    assert_equal(read_evaluation(run, MODEL), written)


def test_a_later_evaluation_takes_the_place_of_an_earlier(run: RunDirectory) -> None:
    keep(run)
    later = keep(run, stored({"kl": np.zeros(3)}, step=900))
    assert_equal(read_evaluation(run, MODEL), later)
    assert sorted(path.name for path in run.evaluation(MODEL).iterdir()) == [
        *("per-image.safetensors", "prior-means.png", "result.json")
    ]


@given(data=st.data())
def test_nothing_that_is_damaged_is_taken_for_an_evaluation(data: st.DataObject, tmp_path_factory: Any) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("run"), "otter")
    keep(run)
    file = run.evaluation(MODEL) / data.draw(st.sampled_from(["result.json", "per-image.safetensors"]))
    content = bytearray(file.read_bytes())
    how = data.draw(st.sampled_from(["flip", "truncate", "grow", "remove", "replace"]))
    if how == "flip":
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    elif how == "truncate":
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    elif how == "grow":
        content += data.draw(st.binary(min_size=1, max_size=9))
    elif how == "replace":
        content = bytearray(data.draw(st.binary(max_size=300)))
    file.unlink()
    if how != "remove":
        file.write_bytes(content)
    assert read_evaluation(run, MODEL) is None


TENSORS = save({name: torch.from_numpy(values) for name, values in PER_IMAGE.items()})


def put(run: RunDirectory, course: Any, tensors: bytes = TENSORS) -> None:
    """What a stranger wrote who knows how checksums are made."""
    folder = run.evaluation(MODEL)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "per-image.safetensors").write_bytes(tensors)
    (folder / "result.json").write_bytes(manifest(course, {"per-image.safetensors": tensors}))


def course(**fields: Any) -> dict[str, Any]:
    return {"result": to_builtins(evaluation()) | fields, "settings": {}}


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "another"},
        {"model": None},
        {"seed": 1.5},
        {"step": "860"},
        {"epoch": True},
        {"parameters": [5, 6, 11]},
        {"metrics": {}},
        {"metrics": [{"metric": "elbo"}]},
        {"metrics": [to_builtins(MetricValue("elbo", 1.0, None, None, 1, "")) | {"value": 10**400}]},
        {"class_shares": ["a"]},
        {"kl_per_latent": 7},
        {"pictures": [[]]},
        {"seconds": [[[[]]]]},
    ],
    ids=str,
)
def test_an_honest_checksum_of_the_wrong_things_does_not_help(run: RunDirectory, fields: dict[str, Any]) -> None:
    put(run, course())
    assert read_evaluation(run, MODEL) is not None
    put(run, course(**fields))
    assert read_evaluation(run, MODEL) is None


@pytest.mark.parametrize("record", [{}, {"result": None, "settings": {}}, course() | {"settings": []}], ids=str)
def test_parts_that_are_missing_are_no_evaluation(run: RunDirectory, record: dict[str, Any]) -> None:
    put(run, record)
    assert read_evaluation(run, MODEL) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"format":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b'{"a":NaN}',
    ],
)
def test_other_json_is_no_evaluation(run: RunDirectory, content: bytes) -> None:
    keep(run)
    (run.evaluation(MODEL) / "result.json").write_bytes(content)
    assert read_evaluation(run, MODEL) is None


def test_a_number_that_is_none_is_read_as_such(run: RunDirectory) -> None:
    keep(run, stored(metrics=(MetricValue("kid", math.nan, None, None, 12, ""),)))
    read = read_evaluation(run, MODEL)
    assert read is not None
    assert math.isnan(read.result.metrics[0].value)


@pytest.mark.parametrize(
    "values",
    [
        torch.zeros(3, 4, dtype=torch.float64),
        torch.zeros((), dtype=torch.float64),
        torch.zeros(3, dtype=torch.bfloat16),
        torch.zeros(3, dtype=torch.int64),
    ],
    ids=lambda values: f"{values.dtype}{tuple(values.shape)}",
)
def test_tensors_that_are_no_values_of_images_are_no_evaluation(run: RunDirectory, values: Tensor) -> None:
    put(run, course(), save({"elbo": values}))
    assert read_evaluation(run, MODEL) is None


def test_tensors_that_are_none_at_all_are_no_evaluation(run: RunDirectory) -> None:
    header = json.dumps({"elbo": {"dtype": "F64", "shape": [2**60], "data_offsets": [0, 2**63]}}).encode()
    for content in (b"", b"\x00" * 8, b"\xff" * 16, len(header).to_bytes(8, "little") + header):
        put(run, course(), content)
        assert read_evaluation(run, MODEL) is None


@pytest.mark.parametrize("link", ["evaluation", "folder", "result.json", "per-image.safetensors"])
def test_a_link_out_of_the_run_is_followed_neither_in_reading_nor_in_writing(
    run: RunDirectory, tmp_path: Path, link: str
) -> None:
    other = RunDirectory(tmp_path / "other", "other")
    other.path.mkdir()
    keep(other)
    before = {path: path.read_bytes() for path in other.path.rglob("*") if path.is_file()}
    keep(run)
    folder = run.evaluation(MODEL)
    target = {"evaluation": folder.parent, "folder": folder}.get(link, folder / link)
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    target.symlink_to(other.path / target.relative_to(run.path))
    assert read_evaluation(run, MODEL) is None
    with contextlib.suppress(OSError):
        keep(run, stored({"kl": np.zeros(2)}, step=1))
    assert {path: path.read_bytes() for path in other.path.rglob("*") if path.is_file()} == before


def test_the_directory_of_a_run_that_was_deleted_is_not_made_again(run: RunDirectory) -> None:
    shutil.rmtree(run.path)
    with pytest.raises(FileNotFoundError):
        keep(run)
    assert not run.path.exists()


def test_links_in_a_circle_end(run: RunDirectory) -> None:
    run.evaluation(MODEL).parent.symlink_to(run.path / "again")
    (run.path / "again").symlink_to(run.evaluation(MODEL).parent)
    assert read_evaluation(run, MODEL) is None
    with pytest.raises(OSError, match=r".+"):
        keep(run)


@pytest.mark.parametrize("file", [".png", ".safetensors", ".json"])
def test_a_full_disk_raises_and_leaves_no_temporary_file(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    keep(run)

    def full(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(f"{file}.{os.getpid()}.part"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        keep(run, stored({"kl": np.zeros(2)}, step=1))
    assert not list(run.path.rglob("*.part"))
    monkeypatch.undo()
    read = read_evaluation(run, MODEL)
    # The old one, whole, or none: never the numbers of one with the tensors of the other.
    assert read is None or read.result.step == 860
    assert_equal(keep(run), keep(run))
