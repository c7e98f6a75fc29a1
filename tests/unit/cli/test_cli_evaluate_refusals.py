"""What cannot be evaluated, and evaluations that are ended: one line, the right exit code, nothing half-written."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.cli.evaluation_commands import QUICK, Command, events_of
from tests.unit.cli.trained_runs import set_config
from tui_vae import data
from tui_vae.app.signals import REQUESTS, WARNINGS, StopSignals
from tui_vae.data import Split
from tui_vae.evaluation.suite import Suite
from tui_vae.events import EvaluationFinished
from tui_vae.run_store.checkpoints import CheckpointFolder
from tui_vae.run_store.find import find_run

pytestmark = pytest.mark.usefixtures("quick_evaluation")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["evaluate", "nobody"], 4, "no run named 'nobody'"),
        (["evaluate", "one", "--model", "wide"], 2, "no model named wide; there are linear, deep"),
        (["evaluate", "one", "--metrics", "elbo,beauty"], 2, "--metrics takes some of elbo"),
        (["evaluate", "one", "--json", "--csv"], 2, "--json and --csv cannot be combined"),
        (["evaluate", "one", "--json", "--pictures"], 2, "--pictures goes with tables"),
        (["evaluate", "one", "--samples", "64"], 2, "no Fréchet distance: 64 samples"),
        (["evaluate", "one", "--samples", "100000000"], 2, "bytes of memory; "),
        (["evaluate", "one", *QUICK, "--memory", "0.000001"], 2, "of memory, more than the 1,073 allowed"),
        (["evaluate", "one", "--memory", "nan"], 2, "--memory is a finite number above 0"),
        (["evaluate", "one", "--iwae-samples", "0"], 2, "--iwae-samples is a whole number of at least 1"),
        (["evaluate", "one", "--device", "cuda:77"], 2, "cuda:77"),
        (["evaluate"], 2, "RUN"),
        (["compare"], 2, "RUN"),
        (["compare", "one", "nobody"], 4, "no run named 'nobody'"),
        (["compare", "one", *QUICK, "--baseline", "wide"], 2, "no model named wide"),
        (["compare", "one", "--json", "--csv"], 2, "--json and --csv cannot be combined"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused_in_one_line(
    tui_vae: Command, runs: Path, arguments: list[str], code: int, words: str
) -> None:
    tui_vae(*arguments).refused(code, words)
    run = find_run(runs, "one")
    assert not run.lease.exists()
    # Watchers of the run see the end of the evaluation.
    events = events_of(run)
    assert not events or isinstance(events[-1], EvaluationFinished)


def test_a_run_without_weights_is_refused(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    shutil.rmtree(run.path / "models")
    tui_vae("evaluate", "one", *QUICK).refused(4, "no model has weights yet")
    assert not run.evaluation("deep").exists()


def test_a_model_without_weights_is_passed_over(tui_vae: Command, runs: Path) -> None:
    shutil.rmtree(find_run(runs, "one").checkpoints("linear"))
    assert list(json.loads(tui_vae("evaluate", "one", *QUICK, "--json").out)["models"]) == ["deep"]


def test_nan_in_the_weights_is_refused(tui_vae: Command, runs: Path) -> None:
    run = find_run(runs, "one")
    folder = CheckpointFolder(run.checkpoints("deep"))
    stored = folder.load()
    assert stored is not None
    stored.weights["decoder.net.0.weight"][0, 0] = torch.nan
    folder.save_latest(stored.weights, stored.optimizer, stored.course)
    for options in ([], ["--json"], ["--csv"]):
        tui_vae("evaluate", "one", *QUICK, *options).refused(1, "deep of one has weights that are not finite")
    assert not run.evaluation("linear").exists()


def test_damaged_weights_are_refused(tui_vae: Command, runs: Path) -> None:
    for path in find_run(runs, "one").checkpoints("deep").glob("*.json"):
        path.write_bytes(b"{}")
    tui_vae("evaluate", "one", *QUICK).refused(4, "no checkpoint is whole")


def test_images_that_are_not_there_are_reported(tui_vae: Command, runs: Path, tmp_path: Path) -> None:
    run = find_run(runs, "one")
    set_config(run, dataset="fashion-mnist", data_dir=str(tmp_path / "nothing"))
    tui_vae("evaluate", "one", *QUICK).refused(3, "fashion-mnist")
    assert not run.evaluation("deep").exists()
    (*_, finished) = events_of(run)
    assert (finished.status, "fashion-mnist" in finished.reason) == ("failed", True)


def test_runs_of_other_images_are_not_compared(tui_vae: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = find_run(runs, "two")
    set_config(run, dataset="fashion-mnist")
    monkeypatch.setattr(data, "load_torchvision", lambda name, folder, download: data.load_mnist())
    tui_vae("compare", "one", "two", *QUICK).refused(2, "runs of fashion-mnist and mnist cannot be compared")


def test_other_images_than_those_trained_on_are_refused(
    tui_vae: Command, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the files of a data set were replaced."""
    run = find_run(runs, "one")
    train, test = data.load_mnist()
    changed = train.images.clone()
    changed[0, 0] ^= 1
    monkeypatch.setattr(data, "load_mnist", lambda: (Split(changed, train.labels), test))
    tui_vae("evaluate", "one", *QUICK).refused(3, "are not those that the run was trained on")
    assert not run.evaluation("deep").exists()
    assert events_of(run)[-1].status == "failed"


def test_a_run_whose_log_does_not_tell_its_images_is_measured(tui_vae: Command, runs: Path) -> None:
    find_run(runs, "one").log.unlink()
    assert tui_vae("evaluate", "one", *QUICK).code == 0


@pytest.mark.parametrize("number", [*REQUESTS, *WARNINGS], ids=lambda number: number.name)
def test_a_signal_ends_an_evaluation_and_says_so_in_the_log(
    tui_vae: Command, runs: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = find_run(runs, "one")

    def evaluated(self: Suite, *of: Any) -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # once more, while it puts its things in order

    monkeypatch.setattr(Suite, "evaluate", evaluated)

    def installed() -> StopSignals:
        signals = StopSignals()
        signals.install()
        return signals

    monkeypatch.setattr("tests.unit.cli.conftest.StopSignals", installed)
    before = {kind: signal.getsignal(kind) for kind in (*REQUESTS, *WARNINGS, signal.SIGHUP)}
    try:
        done = tui_vae("evaluate", "one", *QUICK)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    assert (done.code, done.out) == (130, "")
    assert done.err == f"tui-vae: stopped by {number.name}\n"
    finished = events_of(run)[-1]
    assert (finished.status, finished.reason) == ("stopped", f"by {number.name}")
    assert not run.lease.exists()
