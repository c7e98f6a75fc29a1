"""Commands on runs that loops of the user's own write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import tui_vae
from tui_vae.app.signals import StopSignals
from tui_vae.cli.app import app
from tui_vae.errors import RunStoreError, UsageError


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of loops, with other options and results."""
    folder = tmp_path_factory.mktemp("runs")
    for name, lr, elbo in (("slow", 1e-4, 150.0), ("fast", 1e-2, 175.5)):
        with tui_vae.Log(name, models=["mine"], epochs=3, config={"lr": lr}, runs_dir=folder) as log:
            for step in range(1, 6):
                log.step("mine", loss=-elbo + 10 / step, kl=3.0)
            log.epoch("mine", elbo=elbo)
    return folder


def run(runs_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--runs-dir", str(runs_dir)], obj=StopSignals(), env={"COLUMNS": "80"})


def test_they_are_listed(runs_dir: Path) -> None:
    records = [json.loads(line) for line in run(runs_dir, "runs", "--json", "--sort", "elbo").output.splitlines()]
    assert [(r["name"], r["state"], r["elbo"], r["dataset"], r["epochs"]) for r in records] == [
        ("fast", "finished", 175.5, None, 3),
        ("slow", "finished", 150.0, None, 3),
    ]


def test_they_are_plotted_together(runs_dir: Path) -> None:
    assert "fast/mine" in run(runs_dir, "plot", "slow", "fast", "--metric", "kl").output
    assert isinstance(run(runs_dir, "plot", "slow", "--metric", "active_units").exception, RunStoreError)


def test_what_their_logs_have_is_compared(runs_dir: Path) -> None:
    rows = [line.split() for line in run(runs_dir, "compare", "slow", "fast").output.splitlines() if line.strip()]
    assert rows[:2] == [["options", "that", "differ"], ["slow", "fast"]]
    assert ["lr", "0.0001", "0.01"] in rows
    assert rows[rows.index(["held-out", "ELBO,", "nats"]) + 1] == ["mine", "150.00", "175.50"]
    assert not any("reconstruction" in row for row in rows), "what no run says takes no room"


@pytest.mark.parametrize("options", [("--json",), ("--csv",), ("--baseline", "mine"), ("--samples", "100")])
def test_a_comparison_of_logs_takes_no_options(runs_dir: Path, options: tuple[str, ...]) -> None:
    error = run(runs_dir, "compare", "slow", "fast", *options).exception
    assert isinstance(error, UsageError)
    assert "slow comes from a custom training loop" in str(error)


@pytest.mark.parametrize("arguments", [("evaluate", "fast"), ("--resume", "fast", "--no-ui")])
def test_what_takes_weights_is_refused(runs_dir: Path, arguments: tuple[str, ...]) -> None:
    error = run(runs_dir, *arguments).exception
    assert isinstance(error, RunStoreError)
    assert "fast is written by a training loop of the user's own" in str(error)


def test_a_report_shows_what_was_logged_and_advises_nothing_that_takes_weights(runs_dir: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run(runs_dir, "report", "slow", "fast", "-o", str(page)).exit_code == 0
    text = page.read_text("utf-8")
    assert "175.50" in text
    assert "fast is written by a training loop of its user&#39;s own and holds no weights: it is not evaluated." in text
    assert "tui-vae evaluate" not in text
    assert "– training, – held out" not in text
