"""What TensorBoard's own reader finds in an export, also in one that is followed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import structs
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

import tui_vae
from tests.unit.export.exported_runs import FIRST_PART, SECOND_PART, SHEET, exported_run, started
from tests.unit.run_store.stored_runs import began
from tui_vae.app.export_run import export_run
from tui_vae.events import Epoch, Evaluation, Event, Progress, Samples
from tui_vae.export.columns import RunColumns
from tui_vae.export.tensorboard_files import TAGS_OF_EPOCHS, TAGS_OF_PROGRESS, TensorBoardFiles
from tui_vae.run_store.find import find_run

MODELS = ("baseline", "deep")
COUNTED = [
    event
    for event in [*FIRST_PART, *SECOND_PART]
    if not (getattr(event, "model", "") == "deep" and 1040 < event.t < 2000)
]
"""All but what ``deep`` trained again."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorboard")
    export_run(exported_run(folder / "runs"), "tensorboard", folder / "out")
    return folder / "out"


def read(folder: Path, model: str) -> EventAccumulator:
    return EventAccumulator(str(folder / model), size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE).Reload()


def points(accumulator: EventAccumulator, tag: str) -> list[tuple[float, int, float]]:
    return [(event.wall_time, event.step, event.value) for event in accumulator.Scalars(tag)]


def single(value: float) -> float:
    return float(np.float32(value))


def expected_scalars(events: list[Event], model: str) -> dict[str, list[tuple[float, int, float]]]:
    """What the log says, by tag."""
    expected: dict[str, list[tuple[float, int, float]]] = {}

    def add(tag: str, event: Event, step: int, value: float | None) -> None:
        if value is not None:
            expected.setdefault(tag, []).append((event.t, step, single(value)))

    for event in events:
        match event:
            case Progress() if event.model == model:
                for field, tag in TAGS_OF_PROGRESS.items():
                    add(tag, event, event.step, getattr(event, field))
            case Epoch() if event.model == model:
                for field, tag in TAGS_OF_EPOCHS[event.split].items():
                    add(tag, event, 30 * event.epoch, getattr(event, field))
                if event.split == "held_out":
                    add("loss/held_out", event, 30 * event.epoch, -event.elbo)
            case Evaluation() if event.model == model:
                add("evaluation/elbo", event, 60, -298.7)
                add("evaluation_low/elbo", event, 60, -299.5)
                add("evaluation_high/elbo", event, 60, -297.9)
                add("evaluation/recall", event, 60, 0.41)
                add("evaluation_floor/recall", event, 60, 0.97)
    return expected


@pytest.mark.parametrize("model", MODELS)
def test_every_number_is_read_back_with_its_step_and_time(folder: Path, model: str) -> None:
    accumulator = read(folder, model)
    expected = expected_scalars(COUNTED, model)
    assert {tag: points(accumulator, tag) for tag in accumulator.Tags()["scalars"]} == expected
    assert len(expected["loss/train"]) == 6
    assert {"loss/train", "loss/held_out", "elbo/train", "elbo/held_out", "kl/held_out"} <= set(expected)


@pytest.mark.parametrize("model", MODELS)
def test_pictures_and_histograms_are_read_back(folder: Path, model: str) -> None:
    accumulator = read(folder, model)
    sheets = accumulator.Images("samples")
    times = [event.t for event in COUNTED if isinstance(event, Samples) and event.model == model]
    assert [(sheet.step, sheet.wall_time) for sheet in sheets] == list(zip((30, 60), times, strict=True))
    for number, sheet in enumerate(sheets, start=1):
        pixels = np.asarray(Image.open(io.BytesIO(sheet.encoded_image_string)))
        np.testing.assert_array_equal(pixels, SHEET + np.uint8(number))
    assert len(accumulator.Images("evaluation/prior-means")) == 1
    for event, number in zip(accumulator.Tensors("kl_per_latent/held_out"), (1, 2), strict=True):
        left, right, counts = tensor_util.make_ndarray(event.tensor_proto).T
        assert counts.sum() == 3
        assert (left.min(), right.max()) == (0.25, max(7.25 / number, 5.0))


def hyperparameters(accumulator: EventAccumulator) -> dict[str, Any]:
    content = accumulator.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}


def test_options_and_the_end_are_hyperparameters(folder: Path) -> None:
    accumulator = read(folder, "deep")
    options = hyperparameters(accumulator)
    assert {"model": "deep", "network": "16,8", "parameters": 30, "epochs": 7, "zdim": 32}.items() <= options.items()
    content = accumulator.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert {info.name for info in experiment.hparam_infos} == set(options)
    assert "elbo/held_out" in {info.name.tag for info in experiment.metric_infos}
    content = accumulator.SummaryMetadata("_hparams_/session_end_info").plugin_data.content
    assert plugin_data_pb2.HParamsPluginData.FromString(content).session_end_info.end_time_secs == 2999.0


def test_networks_of_the_users_own_and_seeds_of_models_are_named(tmp_path: Path) -> None:
    config = {"models": [{"name": "conv@4", "seed": 4}, {"name": "else", "seed": 5}], "seed": 3, "lr": 0.5}
    columns, files = RunColumns("otter"), TensorBoardFiles(tmp_path, lambda file: None)
    start = structs.replace(started("conv@4", 5.0), hidden=(), network="nets.py:Encoder,Decoder")
    columns.add([structs.replace(began(), config=config), start])
    files.write(columns)
    files.release()
    options = hyperparameters(read(tmp_path, "conv@4"))
    assert options == {
        **{"model": "conv@4", "network": "nets.py:Encoder,Decoder", "parameters": 30, "seed": 4, "lr": 0.5},
        "device": "cpu",
    }


def chunks(events: list[Event], size: int) -> Iterator[list[Event]]:
    return (events[start : start + size] for start in range(0, len(events), size))


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_run_that_is_followed_ends_as_the_same_whenever_it_is_written(
    tmp_path: Path, folder: Path, size: int
) -> None:
    """TensorBoard reads along; what the model takes back, it drops."""
    columns, files = RunColumns("otter"), TensorBoardFiles(tmp_path, lambda file: SHEET)
    readers: dict[str, EventAccumulator] = {}
    for part in chunks([*FIRST_PART, *SECOND_PART], size):
        columns.add(part)
        files.write(columns)
        for model in columns.models:
            readers.setdefault(model, read(tmp_path, model)).Reload()
    files.end(columns)
    files.release()
    for model in MODELS:
        once, along = read(folder, model), readers[model].Reload()
        for tag in once.Tags()["scalars"]:
            assert points(along, tag) == points(read(tmp_path, model), tag) == points(once, tag)
        assert [event.step for event in along.Images("samples")] == [30, 60]
    assert [path.name for path in tmp_path.rglob(".*")] == []


def test_what_tensorboard_reads_are_the_columns(folder: Path, tmp_path: Path) -> None:
    """The same numbers in both exports, for one who compares them."""
    export_run(exported_run(tmp_path), "csv", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "epochs.csv").query("model == 'deep' and split == 'held_out'")
    assert [value for _, _, value in points(read(folder, "deep"), "elbo/held_out")] == [*map(single, table["elbo"])]


def test_a_run_of_a_loop_of_the_users_own_has_tags_of_what_it_logged(tmp_path: Path) -> None:
    with tui_vae.Log("own", models=["mine"], runs_dir=tmp_path) as log:
        log.step("mine", loss=3.0)
        log.epoch("mine", kl=2.0)
        log.samples("mine", np.full((2, 5, 7, 3), (255, 0, 9), dtype=np.uint8))
    export_run(find_run(tmp_path, "own"), "tensorboard", tmp_path / "out")
    found = read(tmp_path / "out", "mine")
    assert set(found.Tags()["scalars"]) == {
        *("epoch", "loss/train", "loss/train_min", "loss/train_max", "elbo/train", "epoch_seconds", "kl/held_out"),
    }
    (image,) = found.Images("samples")
    pixels = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    assert pixels.shape == (5, 14, 3)
    assert (pixels == (255, 0, 9)).all()
