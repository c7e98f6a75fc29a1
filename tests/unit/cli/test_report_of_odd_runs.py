"""``tui-vae report`` of runs that are odd, hostile or hardly begun, and of targets that cannot be written."""

from __future__ import annotations

import errno
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.unit.cli.evaluation_commands import Command, everything
from tests.unit.cli.report_page import page_of, rendered_markdown
from tests.unit.run_store.stored_runs import began, ended, held_out, stored_run
from tui_vae.events import Evaluation, ModelStarted, Notice, Parameters, PpcaOptimum, State
from tui_vae.metrics import MetricValue, Picture
from tui_vae.posterior_collapse import LatentKl, explain
from tui_vae.run_store import files

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}$x^{$`|\\"


@pytest.fixture
def run_on(tmp_path: Path, run_here: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the run ``one``, of which little is known, from an empty folder."""
    runs, here = tmp_path / "runs", tmp_path / "here"
    here.mkdir()
    stored_run(runs, "one", [began("one"), held_out("deep", 1, 280.0), *ended()])
    monkeypatch.setenv("TUI_VAE_RUNS", str(runs))
    monkeypatch.chdir(here)
    return run_here


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The folder that commands run in."""
    return tmp_path / "here"


def test_a_report_is_written_beside_the_user_and_named_after_its_run(run_on: Command, here: Path) -> None:
    done = run_on("report", "one")
    assert (done.code, done.err) == (0, "")
    assert done.out == "report written to report-one.html\n"
    assert [path.name for path in here.iterdir()] == ["report-one.html"]
    assert "280.00" in page_of(here / "report-one.html").text


def test_many_models_are_all_in_the_tables_and_the_first_of_them_in_pictures(run_on: Command, here: Path) -> None:
    events: list[Any] = [began()]
    for number in range(14):
        size = Parameters(number, number, 10 + 2 * number)
        name = f"model {number}"
        events.append(ModelStarted(model=name, hidden=(number + 1,), parameters=size, resumed_at_step=None, limit=None))
        value = MetricValue("elbo", 100.0 + number**2, (99.0, 300.0), None, 5, "test images")
        evaluated = Evaluation(
            model=name, seed=0, epoch=1, step=1, parameters=size, metrics=(value,), class_shares=(),
            kl_per_latent=(1.0,), predicted_kl_per_latent=None, pictures=(), seconds=1.0,
        )  # fmt: skip
        events += [held_out(name, 1, 100.0 + number), evaluated]
    run = stored_run(here / "r", "otter", [*events, *ended()])
    assert run_on("report", str(run.path), "-o", "p.html").code == 0
    page = page_of(here / "p.html")
    assert len(page.tables["Trainable parameters"]) == 1 + 14 + 2  # and those of the options, which have not begun
    wide = [rows for title, rows in page.tables.items() if title.startswith("Metrics of each model")]
    assert [len(rows[0]) - 1 for rows in wide] == [5, 5, 4]
    assert [row[1] for row in page.tables["model 13 minus model 0"][1:]] == ["+169.00"]
    assert "Shown are the first 12 of 14 models." in page.text
    assert "and 8 more" in page.text  # in legends, of sixteen
    assert page.tags["svg"] == 3 + 12 + 1


def test_latents_that_are_off_have_their_reasons_and_advice(run_on: Command, here: Path) -> None:
    """Of an evaluation, and of the log of a model that has none."""
    size = Parameters(1, 2, 3)
    limit = PpcaOptimum(1.0, 1.0, 0.5, (1.0, 0.0), variances=(4.0, 0.1))
    names = ("linear", "deep")
    starts = [
        ModelStarted(model=name, hidden=hidden, parameters=size, resumed_at_step=None, limit=found)
        for name, hidden, found in (("linear", (), limit), ("deep", (8,), None))
    ]
    kl = {"kl_per_latent": (1.0, 0.0), "sigma": 0.5}
    epochs = [structs.replace(held_out(name, 3, 100.0), **kl) for name in names]
    lost = explain(LatentKl((1.0, 0.0), 0.5, learned=False, linear=False, epoch=3, epochs=3), (0.5,), measured=True)
    measured = Evaluation(
        model="deep", seed=0, epoch=3, step=1, parameters=size, metrics=(), class_shares=(), kl_per_latent=(1.0, 0.0),
        predicted_kl_per_latent=None, pictures=(), seconds=1.0, collapse=lost,
    )  # fmt: skip
    run = stored_run(here / "r", "otter", [began(), *starts, *epochs, measured, *ended()])
    assert run_on("report", str(run.path), "-o", "p.html").code == 0
    text = page_of(here / "p.html").text
    assert "linear: 1 of 2 latents is off (KL < 0.01 nats): 1 expected" in text
    assert "1 expected: the data vary by less than sigma² = 0.25 in every direction left" in text
    assert "deep: 1 of 2 latents is off (KL < 0.01 nats): 1 lost in training." in text
    assert "For those lost: more --epochs, perhaps at a lower --lr" in text


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([], "otter is empty"),
        ([began()], "is gone before its end"),
        ([began(), held_out("deep", 1, 280.0)], "tui-vae --resume otter"),
        ([began(), *ended("failed"), State(model="deep", state="failed", reason="nan")], "deep failed: nan"),
    ],
    ids=["empty", "begun", "killed", "failed"],
)
def test_a_run_that_did_not_end_is_reported_as_it_is(run_on: Command, here: Path, events: list[Any], says: str) -> None:
    run = stored_run(here / "r", "otter", events)
    if not events:
        run.config.unlink()
    before = everything(run)
    assert run_on("report", str(run.path), "-o", "p.html").code == 0
    assert says in page_of(here / "p.html").text
    assert everything(run) == before


def test_a_damaged_log_is_reported_as_far_as_it_can_be_read(run_on: Command, here: Path) -> None:
    run = stored_run(here / "r", "otter", [began(), held_out("deep", 1, 280.0)])
    run.log.write_bytes(run.log.read_bytes() + b"\xff\xfe no event\n" * 3)
    run.config.write_text("{")
    assert run_on("report", str(run.path), "-o", "p.html").code == 0
    page = page_of(here / "p.html")
    assert "its options are taken from the log" in page.text
    assert "280.00" in page.text


def test_texts_of_a_hostile_run_are_only_text(run_on: Command, here: Path) -> None:
    parameters = Parameters(1, 2, 3)
    pictures = (
        Picture("../../outside", HOSTILE, "../../../etc/hostname", (HOSTILE,), (HOSTILE,)),
        Picture("prior-means", HOSTILE, "samples/none.png", ("a",), ("b",)),
    )
    evaluation = Evaluation(
        model=HOSTILE,
        seed=0,
        epoch=1,
        step=1,
        parameters=parameters,
        metrics=(
            MetricValue("elbo", 1.0, (float("nan"), 2.0), None, 5, HOSTILE),
            MetricValue(HOSTILE, 1e308, (), 1.0, -1, ""),
        ),
        class_shares=(0.5, -1e308, float("inf")),
        kl_per_latent=(float("nan"), 1e308, -1.0),
        predicted_kl_per_latent=(),
        pictures=pictures,
        seconds=1.0,
    )
    events = [
        began(HOSTILE),
        ModelStarted(model=HOSTILE, hidden=(), parameters=parameters, resumed_at_step=None, limit=None),
        held_out(HOSTILE, 1, 1e308),
        Notice(level="error", text=f"{HOSTILE}\n\x1b[2J\x07", model=HOSTILE),
        evaluation,
    ]
    run = stored_run(here / "r", "otter", events)
    assert run_on("report", str(run.path), "-o", "p.html", "--figures", "f", "--markdown", "m.md").code == 0
    page = page_of(here / "p.html")
    assert HOSTILE in page.text
    assert not {"script"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:") for _, name, value in page.attributes if name == "src")
    assert "\x1b" not in page.source
    assert "\\x1b[2J" in page.text
    in_markdown = (here / "m.md").read_text(encoding="utf-8")
    rendered = rendered_markdown(in_markdown)
    assert HOSTILE in unescape(re.sub(r"<[^>]*>", "", rendered))
    assert not re.search(r"<(script|img src=x)|onerror=[^&]*>", rendered)
    assert sorted(path.name for path in here.iterdir()) == ["f", "m-pictures", "m.md", "p.html", "r"]
    assert all(re.fullmatch(r"[a-z0-9-]+\.(pdf|svg|png|csv|tex)", path.name) for path in (here / "f").iterdir())


def test_a_target_that_exists_stays_as_it_is_unless_forced(run_on: Command, here: Path) -> None:
    (here / "p.html").write_text("mine")
    run_on("report", "one", "-o", "p.html").refused(4, "p.html: exists already")
    assert (here / "p.html").read_text() == "mine"
    (here / "m-pictures").mkdir()
    (here / "m-pictures" / "curve-elbo.svg").write_text("mine")
    run_on("report", "one", "--markdown", "m.md").refused(4, "curve-elbo.svg: exists already")
    assert [path.name for path in (here / "m-pictures").iterdir()] == ["curve-elbo.svg"]
    assert run_on("report", "one", "-o", "p.html", "--force").code == 0
    assert (here / "p.html").read_text().startswith("<!DOCTYPE html>")


def test_targets_that_cannot_be_written_are_refused_in_a_line(run_on: Command, here: Path) -> None:
    run_on("report", "one", "-o", "none/p.html").refused(4, "none: no such folder")
    run_on("report", "one", "-o", ".").refused(4, "is a folder")
    run_on("report", "one", "--figures", "none/f").refused(4, "none: no such folder")
    run_on("report", "one", "-o", "m.md", "--markdown", "m.md").refused(2, "different names")
    run_on("report", "nobody").refused(4, "no run named 'nobody'")
    assert list(here.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(run_on: Command, here: Path) -> None:
    (here / "closed").mkdir(mode=0o500)
    run_on("report", "one", "-o", "closed/p.html").refused(4, "cannot be written")


def test_a_disk_without_room_leaves_everything_as_it_was(
    run_on: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "p.html").write_text("mine")
    synced = iter(range(3))

    def full(descriptor: int) -> None:
        if next(synced, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    done = run_on("report", "one", "-o", "p.html", "--markdown", "m.md", "--force")
    done.refused(4, "cannot be written (No space left on device); nothing was changed")
    assert [path.name for path in here.iterdir()] == ["p.html"]
    assert (here / "p.html").read_text() == "mine"
