"""CSV and Parquet as pandas and pyarrow read them, and what becomes of files that are there."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from msgspec import structs
from pyarrow import parquet

from tests.unit.export.exported_runs import SHEET, epoch, evaluated, exported_run
from tests.unit.run_store.logged_events import progress
from tests.unit.run_store.stored_runs import began, stored_run
from tui_vae.app.export_run import export_run
from tui_vae.errors import RunStoreError
from tui_vae.export.columns import read_columns, read_tables
from tui_vae.export.formats import Format, open_files
from tui_vae.metrics import Picture
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.pictures import write_picture

TABLES = ("progress", "epochs", "evaluation")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return exported_run(tmp_path_factory.mktemp("runs"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", TABLES)
def test_parquet_gives_back_every_column(run: RunDirectory, tmp_path: Path, name: str) -> None:
    export_run(run, "parquet", tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
    expected = pd.DataFrame(read_tables(run)[name])
    expected["time"] = expected["time"].dt.tz_localize("UTC")
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False, check_exact=True)


def test_parquet_has_the_types_that_its_readers_expect(run: RunDirectory, tmp_path: Path) -> None:
    export_run(run, "parquet", tmp_path / "out")
    kinds = {name: parquet.read_schema(tmp_path / "out" / f"{name}.parquet") for name in TABLES}
    for schema in kinds.values():
        assert schema.field("time").type == pa.timestamp("us", tz="UTC")
        assert schema.field("model").type == pa.string()
        assert schema.field("step").type == pa.int64()
    assert kinds["progress"].field("loss").type == pa.float64()
    assert pa.types.is_list(kinds["epochs"].field("kl_per_latent").type)
    assert kinds["epochs"].field("kl_per_latent").type.value_type == pa.float64()
    evaluation = parquet.read_table(tmp_path / "out" / "evaluation.parquet")
    assert evaluation["floor"].to_pylist()[:3] == [None, 0.97, None]


@pytest.mark.parametrize("name", TABLES)
def test_csv_gives_back_every_number(run: RunDirectory, tmp_path: Path, name: str) -> None:
    export_run(run, "csv", tmp_path / "out")
    frame = pd.read_csv(tmp_path / "out" / f"{name}.csv", parse_dates=["time"])
    expected = pd.DataFrame(read_tables(run)[name])
    expected["time"] = expected["time"].dt.tz_localize("UTC")
    if name == "epochs":
        latents = np.stack(expected.pop("kl_per_latent").tolist())
        expected = expected.join(pd.DataFrame(latents, columns=["kl_0", "kl_1", "kl_2"]))
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False, rtol=1e-15)


def test_all_curves_are_one_tidy_table(run: RunDirectory, tmp_path: Path) -> None:
    export_run(run, "csv", tmp_path / "out")
    text = (tmp_path / "out" / "curves.csv").read_text(encoding="utf-8")
    frame = pd.read_csv(io.StringIO(text), parse_dates=["time"])
    assert frame.columns[:6].tolist() == ["run", "model", "split", "step", "epoch", "time"]
    assert {"loss", "elbo", "reconstruction", "kl", "active_units", "kl_0", "kl_2"} <= set(frame.columns)
    apart = {
        name: pd.read_csv(tmp_path / "out" / f"{name}.csv", parse_dates=["time"]) for name in ("progress", "epochs")
    }
    assert len(frame) == sum(map(len, apart.values()))
    for model, rows in frame.groupby("model"):
        assert rows["step"].is_monotonic_increasing
        of_model = {name: table[table["model"] == model] for name, table in apart.items()}
        epochs = of_model["epochs"].query("split == 'held_out'")
        held_out = rows.query("split == 'held_out'")
        for name in ("elbo", "kl", "active_units", "kl_1", "time"):
            assert held_out[name].tolist() == epochs[name].tolist()
        assert (held_out["loss"] == -held_out["elbo"]).all()
        train = rows.query("split == 'train'")
        assert train["loss"].tolist() == of_model["progress"]["loss"].tolist()
    # Whole numbers are whole, also in a column that not every row has.
    for row in csv.DictReader(io.StringIO(text)):
        for name in ("step", "epoch", "steps", "active_units"):
            assert row[name] == "" or row[name].isdigit()


def test_a_value_that_is_no_number_is_empty_in_csv(tmp_path: Path) -> None:
    diverged = progress(1, 'a, "b"', loss=float("nan"))
    export_run(stored_run(tmp_path, events=[began(), diverged]), "csv", tmp_path / "out")
    with (tmp_path / "out" / "progress.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], row["loss"], row["kl"]) == ('a, "b"', "", "29.75")


def test_the_run_is_described_beside_its_tables(run: RunDirectory, tmp_path: Path) -> None:
    export_run(run, "csv", tmp_path / "out")
    described = json.loads((tmp_path / "out" / "run.json").read_bytes())
    assert (described["run"], described["began"], described["status"]) == ("otter", 1000.5, "finished")
    assert described["options"]["epochs"] == 7
    assert [model["parameters"]["total"] for model in described["models"]] == [30, 30]


@pytest.mark.parametrize("form", ["csv", "parquet", "tensorboard"])
def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    run: RunDirectory, tmp_path: Path, form: Format
) -> None:
    export_run(run, form, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    before = content(tmp_path / "out")
    export_run(run, form, tmp_path / "out")
    assert content(tmp_path / "out") == before  # nor is there a second file, or a part of one
    other = stored_run(tmp_path / "others", events=[began(t=77.5), progress(1)])
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    (strangers / "progress.csv").write_text("precious", encoding="utf-8")
    for folder in (tmp_path / "out", strangers):
        before = content(folder)
        with pytest.raises(RunStoreError, match=r"something else than an export of this run; choose another with -o"):
            export_run(other, form, folder)
        assert content(folder) == before


@pytest.mark.parametrize("form", ["csv", "parquet", "tensorboard"])
def test_without_room_the_old_file_is_as_it_was(
    run: RunDirectory, tmp_path: Path, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_run(run, form, tmp_path / "out")
    before = content(tmp_path / "out")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunStoreError, match="No space left on device") as refused:
        export_run(run, form, tmp_path / "out")
    assert refused.value.exit_code == 4
    assert content(tmp_path / "out") == before


def test_a_folder_that_cannot_be_made_is_told_in_a_line(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunStoreError, match=r"file.*cannot be written") as refused:
            export_run(run, "csv", folder)
        assert "\n" not in str(refused.value)


def test_a_second_export_does_not_write_into_the_same_folder_meanwhile(run: RunDirectory, tmp_path: Path) -> None:
    columns, first = read_columns(run), open_files("csv", tmp_path / "out", lambda file: None)
    first.write(columns)
    with pytest.raises(RunStoreError, match="another export is being written there"):
        export_run(run, "tensorboard", tmp_path / "out")
    (tmp_path / "out" / ".progress.csv.77.part").touch()  # of one that was killed
    first.release()
    export_run(run, "tensorboard", tmp_path / "out")
    assert list(tmp_path.rglob(".*")) == []


@pytest.mark.parametrize("form", ["csv", "parquet", "tensorboard"])
def test_a_damaged_log_is_exported_and_nothing_outside_the_folder_touched(tmp_path: Path, form: Format) -> None:
    names = ("..", "", ".", "../../up", "\x1b[2J<script>")
    secret = tmp_path / "secret.png"
    write_picture(secret, SHEET)
    hostile = [
        *(progress(2**53, name, t=5.0, loss=1e300, kl=-1e300) for name in names),
        structs.replace(epoch("..", 1, "train", 5.0), kl_per_latent=(-1e308, 1e308)),
        structs.replace(evaluated(".."), pictures=(Picture("x", "", "../../secret.png", (), ()),)),
    ]
    run = stored_run(tmp_path / "runs", "\x1b[2J", [began("\x1b[2J"), *hostile])
    with run.log.open("ab") as log:
        log.write(b'no event\n{"v":1,"t":0,"event":"progress"}\n\xff\n')
    export_run(run, form, tmp_path / "out" / "here")
    assert {path.name for path in tmp_path.iterdir()} == {"secret.png", "runs", "out"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["here"]
    written = content(tmp_path / "out")
    assert not any(b"\x1b[2J" in text or secret.read_bytes() in text for text in written.values())
    assert len(written) == (1 + len(names) if form == "tensorboard" else 5)


def test_a_run_of_which_nothing_is_logged_has_no_export(tmp_path: Path) -> None:
    with pytest.raises(RunStoreError, match="nothing is logged yet"):
        export_run(stored_run(tmp_path, events=[]), "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
