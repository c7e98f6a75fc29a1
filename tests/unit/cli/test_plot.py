"""``tui-vae plot``: what it draws on a pipe, what its options change, and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.cli.evaluation_commands import Command
from tests.unit.cli.test_cli_light import COMMANDS_WITH_MODULES, last_line, top_level
from tests.unit.run_store.stored_runs import began, held_out, stored_run
from tui_vae.charts.metric_series import METRICS
from tui_vae.events import Event, ModelStarted, Parameters, Progress

Run = Callable[..., Any]

LINES = 20


def trained(elbo: float) -> list[Event]:
    """A run of two models that came near a value."""
    events: list[Event] = [began()]
    for index, name in enumerate(("baseline", "deep")):
        hidden = () if index == 0 else (512, 256)
        parameters = Parameters(1, 2, 3)
        events.append(
            ModelStarted(model=name, hidden=hidden, parameters=parameters, resumed_at_step=0, limit=None, t=1000.0)
        )
        for step in range(5, 701, 5):
            loss = 400 * math.exp(-step / 60) - elbo - 20 * index + 3 * math.sin(step)
            values = {"loss_min": loss - 4, "loss_max": loss + 4, "reconstruction": 50 - loss, "kl": 50.0}
            events.append(
                Progress(
                    model=name, epoch=1 + (step - 1) // 100, step=step, steps=700, t=1000.0 + step, loss=loss,
                    images_per_second=12_000.0 + step, kl_weight=0.5, **values,
                )
            )  # fmt: skip
        epochs = [held_out(name, epoch, elbo + 20 * index) for epoch in range(1, 8)]
        events += [msgspec.structs.replace(epoch, kl_weight=0.5, free_latents=3) for epoch in epochs]
    return events


@pytest.fixture
def plot(run_here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``plot`` on a folder of two runs and one that has just begun."""
    folder = tmp_path / "runs"
    stored_run(folder, "otter", trained(280.0), at="20260101-000000")
    stored_run(folder, "lynx", trained(240.0), at="20260201-000000")
    stored_run(folder, "newborn", [began()], at="20260301-000000")
    monkeypatch.setenv("TUI_VAE_RUNS", str(folder))
    return lambda *arguments: run_here("plot", *arguments)


def test_into_a_pipe_it_is_plain_text_of_eighty_columns_and_twenty_lines(plot: Command) -> None:
    done = plot("otter")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert len(lines) == LINES
    assert max(map(len, lines)) <= 80
    assert lines[0].strip() == "ELBO, nats per image"
    assert "● baseline  ▲ deep" in lines[-1]
    assert "x: steps" in lines[-1]
    assert "┤" in done.out
    assert re.search(r"[\u2801-\u28ff]", done.out)


@pytest.mark.parametrize(("columns", "lines"), [(20, 6), (41, 9), (133, 30), (1000, 6)])
def test_it_has_the_size_that_is_asked_for(plot: Command, columns: int, lines: int) -> None:
    done = plot("otter", "--width", str(columns), "--height", str(lines))
    shown = done.out.splitlines()
    (axis,) = [line for line in shown if "└" in line]
    assert len(axis) == columns
    assert max(map(len, shown)) <= columns
    if columns >= 41:
        assert len(shown) == lines


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_chart_with_its_unit(plot: Command, metric: str) -> None:
    done = plot("otter", "--metric", metric)
    assert done.code == 0
    assert done.out.splitlines()[0].strip().startswith(METRICS[metric].title)
    assert "baseline" in done.out


def test_several_metrics_come_below_each_other(plot: Command) -> None:
    lines = plot("otter", "--metric", "kl", "--metric", "loss", "--metric", "kl").out.splitlines()
    assert len(lines) == 2 * LINES
    assert lines[0].strip() == "KL, nats per image"
    assert lines[LINES].strip().startswith("−ELBO, nats per image")


def test_the_models_of_several_runs_share_a_chart_under_the_names_of_their_runs(plot: Command) -> None:
    done = plot("otter", "lynx", "otter", "--width", "60")
    assert len(done.out.splitlines()) == LINES
    for name in ("● otter/baseline", "▲ otter/deep", "■ lynx/baseline", "◆ lynx/deep"):
        assert done.out.count(name) == 1
    ticks = [float(value) for value in re.findall(r"^ *(\d+)┤", done.out, re.MULTILINE)]
    assert min(ticks) <= 260
    assert max(ticks) >= 280


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--x", "epochs"], "x: epochs"),
        (["--x", "time"], "x: time, min:s"),
        (["--log"], "ELBO, nats per image · log"),
        (["--smooth", "25"], "smoothed 25"),
    ],
)
def test_an_option_changes_the_chart_and_is_named_next_to_it(plot: Command, options: list[str], words: str) -> None:
    done = plot("otter", *options)
    assert words in done.out
    assert done.out != plot("otter").out


def test_in_ascii_every_character_is(plot: Command) -> None:
    done = plot("otter", "lynx", "--ascii", "--log", "--metric", "loss")
    assert done.code == 0
    assert done.out.isascii()
    assert "o otter/baseline" in done.out


def test_colours_go_into_a_pipe_when_they_are_asked_for(plot: Command, run_loaded: Run, tmp_path: Path) -> None:
    """In processes of their own: Rich keeps with a style the codes of the colours that it was written in first."""
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def coloured(choice: str, **env: str) -> str:
        done = run_loaded(tmp_path, "plot", "otter", "--color", choice, env=terminal | {"COLORFGBG": ""} | env)
        assert done.returncode == 0
        return str(done.stdout)

    assert "\x1b[38;2;86;180;233m" in coloured("always")
    on_white = coloured("always", COLORFGBG="0;15")
    assert "\x1b[38;2;" in on_white
    assert "\x1b[38;2;86;180;233m" not in on_white
    assert "\x1b[" not in coloured("never")
    of_sixteen = coloured("always", TERM="linux", COLORTERM="")
    assert "38;2" not in of_sixteen
    assert "\x1b[94m● baseline" in of_sixteen
    assert "\x1b[33m▲ deep" in of_sixteen


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["nobody"], 4, "no run named 'nobody'"),
        (["otter", "nobody"], 4, "nobody"),
        (["newborn"], 4, "no values of elbo yet in newborn"),
        (["otter", "--metric", "beauty"], 2, "got beauty"),
        (["otter", "--metric", "\x1b[2J"], 2, r"got \x1b[2J"),
        (["otter", "--x", "miles"], 2, "got miles"),
        (["otter", "--width", "19"], 2, "--width is a number from 20 to 1000, not 19"),
        (["otter", "--width", "-5"], 2, "--width"),
        (["otter", "--height", "301"], 2, "--height is a number from 6 to 300, not 301"),
        (["otter", "--height", "tall"], 2, "--height"),
        (["otter", "--smooth", "0"], 2, "--smooth"),
        (["otter", "--color", "mauve"], 2, "--color"),
        ([], 2, "RUN"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(plot: Command, arguments: list[str], code: int, word: str) -> None:
    done = plot(*arguments)
    assert done.code == code
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert done.err.startswith("tui-vae: ")
    assert done.err.rstrip("\n").isprintable()
    assert word in done.err


def test_a_metric_that_has_no_values_yet_is_named_next_to_those_that_have(plot: Command, tmp_path: Path) -> None:
    events = [event for event in trained(280.0) if not hasattr(event, "elbo")]
    stored_run(tmp_path / "runs", "young", events, at="20260401-000000")
    done = plot("young", "--metric", "active_units", "--metric", "kl")
    assert done.code == 0
    assert done.out.splitlines()[0].strip() == "KL, nats per image"
    assert done.err == "tui-vae: no values of active_units yet in young\n"


def test_neither_torch_nor_the_interface_is_loaded(python_in: Run, tmp_path: Path) -> None:
    stored_run(tmp_path / "runs", "otter", trained(280.0))
    (seen,) = last_line(python_in(tmp_path, COMMANDS_WITH_MODULES, "plot otter"))
    assert seen["code"] == 0
    assert "plotext" in seen["modules"]
    assert not {"torch", "torchvision", "textual"} & top_level(seen["modules"])
