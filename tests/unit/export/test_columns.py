"""The columns of a run: what is in them, also of a run that was resumed, however its log is read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec import structs

from tests.unit.export.exported_runs import FIRST_PART, SECOND_PART, epoch, exported_run, started
from tests.unit.run_store.logged_events import progress
from tests.unit.run_store.stored_runs import began, stored_run
from tui_vae.events import Event, Progress
from tui_vae.export.columns import RunColumns, read_columns, read_tables
from tui_vae.view.state import MOST_MODELS, RunState, reduce_all

EVENTS = [*FIRST_PART, *SECOND_PART]


def frames(columns: RunColumns) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(table) for name, table in columns.tables()}


def test_progress_has_every_field_of_every_event_once_in_the_order_of_the_models(tmp_path: Path) -> None:
    table = pd.DataFrame(read_tables(exported_run(tmp_path))["progress"])
    # Steps 50 and 60 of the model called deep were logged twice; those of the second part count.
    counted = [e for e in EVENTS if isinstance(e, Progress) and not (e.model == "deep" and e.step > 40 and e.t < 2000)]
    counted.sort(key=lambda event: ("baseline", "deep").index(event.model))
    assert len(table) == len(counted) == 12
    for name in ("model", "epoch", "step", "steps", "loss", "loss_min", "loss_max", "kl", "images_per_second"):
        assert table[name].tolist() == [getattr(event, name) for event in counted]
    assert set(table["run"]) == {"otter"}
    assert table["time"].tolist() == [
        pd.Timestamp(dt.datetime.fromtimestamp(event.t, dt.UTC).replace(tzinfo=None)) for event in counted
    ]


def test_epochs_lie_at_the_steps_taken_by_then_and_keep_the_kl_of_each_latent(tmp_path: Path) -> None:
    table = pd.DataFrame(read_tables(exported_run(tmp_path))["epochs"])
    deep = table[table["model"] == "deep"]
    assert deep[["epoch", "step", "split"]].values.tolist() == [
        [1, 30, "train"], [1, 30, "held_out"], [2, 60, "train"], [2, 60, "held_out"],
    ]  # fmt: skip
    # The first epoch is that of the first part, the second is that which was trained again.
    assert deep["elbo"].tolist() == [-300.1 - 1 / 1000] * 2 + [-300.1 - 1 / 2000] * 2
    assert np.stack(deep["kl_per_latent"].tolist()).tolist() == [[7.25, 5.0, 0.25]] * 2 + [[3.625, 5.0, 0.25]] * 2
    assert len(table) == 8


def test_an_evaluation_has_a_row_for_each_metric(tmp_path: Path) -> None:
    table = pd.DataFrame(read_tables(exported_run(tmp_path))["evaluation"])
    assert table["metric"].tolist() == ["elbo", "recall", "kid"] * 2
    recall = table.iloc[1]
    assert (recall["value"], recall["floor"], recall["n"], recall["source"]) == (0.41, 0.97, 500, "decoder means")
    assert (recall["seed"], recall["epoch"], recall["step"]) == (3, 2, 60)
    assert table[["low", "high"]].iloc[0].tolist() == [-299.5, -297.9]
    assert np.isnan([*table[["low", "high"]].iloc[1], table["value"].iloc[2]]).all()


def test_the_tables_do_not_depend_on_how_much_of_the_log_is_read_at_once(tmp_path: Path) -> None:
    whole = frames(read_columns(exported_run(tmp_path)))
    for size in (1, 3, 7):
        columns = RunColumns("otter")
        for start in range(0, len(EVENTS), size):
            columns.add(EVENTS[start : start + size])
            frames(columns)  # as one who follows reads them meanwhile
        for name, frame in frames(columns).items():
            pd.testing.assert_frame_equal(frame, whole[name])


def test_rows_are_those_that_the_interface_shows(tmp_path: Path) -> None:
    state = reduce_all(RunState(), EVENTS)
    columns = read_columns(exported_run(tmp_path))
    for name, model in state.models.items():
        rows = columns.models[name].progress.view()
        for column in ("step", "loss", "loss_min", "loss_max", "reconstruction", "kl", "images_per_second"):
            assert rows[column].tolist() == model.progress.column(column).tolist()


@pytest.mark.parametrize(
    ("again", "epochs"),
    [
        (started("deep", 2000.0), []),
        (started("deep", 2000.0, 30, 1), [1]),
        (started("deep", 2000.0, 30, 0), []),  # a checkpoint after the last step of an epoch, but before its end
        (started("deep", 2000.0, 30), [1]),  # an earlier version did not say the epoch
        (started("deep", 2000.0, 90, 3), [1, 2]),
    ],
)
def test_what_is_trained_again_is_dropped(again: Event, epochs: list[int]) -> None:
    columns = RunColumns("otter")
    columns.add([*FIRST_PART, again])
    deep = columns.models["deep"]
    assert deep.epochs.view()["epoch"].tolist() == [number for number in epochs for _ in range(2)]
    assert [kl[0] for kl in deep.kl_per_latent()] == [7.25 / number for number in epochs for _ in range(2)]
    assert [samples.epoch for samples, _ in deep.samples] == epochs
    columns.add([epoch("deep", 3, "train", 2001.0)])
    assert deep.kl_per_latent()[-1].tolist() == [7.25 / 3, 5.0, 0.25]


def test_an_empty_run_has_typed_columns_without_rows(tmp_path: Path) -> None:
    of_nothing = read_tables(stored_run(tmp_path, events=[]))
    full = read_tables(exported_run(tmp_path / "full"))
    for name, table in of_nothing.items():
        assert list(table) == list(full[name])
        assert {len(column) for column in table.values()} == {0}
        kinds = {column: values.dtype for column, values in table.items() if isinstance(values, np.ndarray)}
        kinds.pop("free_latents", None)  # a count that the full run has not: null throughout, which is read as NaN
        assert kinds == {column: full[name][column].dtype for column in kinds}


def test_a_hostile_log_has_printable_names_and_few_models() -> None:
    columns = RunColumns("\x1b[2J")
    columns.add([began(), *(progress(1, f"\x1b[{number}m") for number in range(MOST_MODELS + 10))])
    table = columns.progress()
    assert len(table["model"]) == MOST_MODELS
    assert all(name.isprintable() for column in ("run", "model") for name in np.asarray(table[column]))


def test_numbers_that_are_not_finite_are_kept() -> None:
    columns = RunColumns("otter")
    columns.add([progress(1, loss=float("inf")), progress(2, loss=float("nan"))])
    loss = np.asarray(columns.progress()["loss"])
    assert np.isposinf(loss[0])
    assert np.isnan(loss[1])


def test_what_a_loop_of_the_users_own_did_not_log_is_nan() -> None:
    columns = RunColumns("otter")
    sparse = {"steps": None, "reconstruction": None, "images_per_second": None}
    nothing = {"kl_per_latent": None, "active_units": None, "sigma": None}
    columns.add([progress(1, kl=None, **sparse), progress(2, **(sparse | {"steps": 40}))])
    columns.add([structs.replace(epoch("deep", 1, "held_out", 3.0), **nothing), epoch("deep", 2, "held_out", 4.0)])
    rows, epochs = pd.DataFrame(columns.progress()), pd.DataFrame(columns.epochs())
    assert rows["steps"].isna().tolist() == [True, False]
    assert rows["steps"].iloc[1] == 40
    assert rows["reconstruction"].isna().all()
    assert rows["kl"].isna().tolist() == [True, False]
    assert epochs["active_units"].isna().tolist() == [True, False]
    assert [len(kl) for kl in epochs["kl_per_latent"]] == [0, 3]
