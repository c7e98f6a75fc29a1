"""Text outputs of runs of loops that log little: what is not logged is a dash or is left out, and never a zero."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from tui_vae.charts.metric_series import METRICS
from tui_vae.charts.settings import CurveSettings, XAxis
from tui_vae.events import (
    OWN_LOOP,
    WRITER,
    DataSummary,
    Epoch,
    Event,
    ModelResult,
    ModelStarted,
    Progress,
    RunFinished,
    RunStarted,
    State,
    decode,
)
from tui_vae.headless import follow
from tui_vae.headless.curves import print_curves
from tui_vae.headless.formatters import JsonOutput, PlainOutput
from tui_vae.headless.live import LiveOutput
from tui_vae.view.state import RunState, reduce_all

EPOCH = {"elbo": None, "reconstruction": None, "kl": None, "kl_per_latent": None, "active_units": None, "sigma": None}


def loop(device: str | None = None, data: DataSummary | None = None) -> list[Event]:
    config = {WRITER: OWN_LOOP, "models": [{"name": "mine"}], "epochs": None}
    progress: dict[str, Any] = {
        "loss_min": 1.0, "loss_max": 3.0, "reconstruction": None, "kl": None, "images_per_second": None,
    }  # fmt: skip
    held_out: list[dict[str, Any]] = [{}, {"elbo": -2.0}, {"kl": 1.0, "active_units": 3}]
    result = ModelResult("mine", "finished", 3, None, None, 1.0, None, None, None, 9.0)
    return [
        RunStarted(t=100.0, name="looping", config=config, versions={}, device=device, data=data),
        ModelStarted(t=100.0, model="mine", hidden=None, parameters=None, resumed_at_step=None, limit=None),
        State(t=100.0, model="mine", state="running"),
        *(Progress(t=100.0 + n, model="mine", epoch=1, step=n, steps=None, loss=2.0, **progress) for n in (1, 2, 3)),
        *(
            Epoch(t=103.0 + n, model="mine", epoch=n + 1, split="held_out", seconds=1.0, **(EPOCH | known))
            for n, known in enumerate(held_out)
        ),
        State(t=109.0, model="mine", state="finished"),
        RunFinished(t=109.0, status="finished", models=(result,)),
    ]


def test_lines_and_table_hold_what_is_known(source: Callable[..., Any], console: Callable[..., Console]) -> None:
    out = console()
    follow(source(loop()), PlainOutput(out, 0.01))
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()
    assert [line[10:] for line in text.splitlines() if line.startswith("   00:")] == [
        "run looping",
        "mine: started",
        "mine: running",
        "mine: epoch 1: 1.0 s",
        "mine: epoch 2: held-out ELBO -2.00, 1.0 s",
        "mine: epoch 3: KL 1.00, 3 active, 1.0 s",
        "mine: finished",
        "run finished",
    ]
    cells = {row.split("│")[1].strip(): row.split("│")[2].strip() for row in text.splitlines() if row.count("│") == 3}
    assert cells["parameters, total"] == cells["held-out ELBO"] == cells["active units"] == "–"
    assert cells["KL"] == "1.00"
    assert "nats per image, as the loop logged them" in text
    assert "resume" not in text


@pytest.mark.parametrize(
    ("device", "data", "line"),
    [
        ("cuda:0", None, "run looping on cuda:0"),
        (None, DataSummary("blobs", None, None, None), "run looping: blobs"),
        ("cpu", DataSummary("blobs", 10, 5, None), "run looping on cpu: blobs, 10 training and 5 held-out images"),
    ],
)
def test_the_first_line_says_what_is_known(device: str | None, data: DataSummary | None, line: str) -> None:
    assert reduce_all(RunState(), loop(device, data)).log[0].text == line


def test_the_live_view_shows_dashes(source: Callable[..., Any], console: Callable[..., Console]) -> None:
    out = console(terminal=True, width=120)
    follow(source(loop()), LiveOutput(out, 0.01))
    assert isinstance(out.file, io.StringIO)
    assert "1/–" in out.file.getvalue()
    assert "– img/s" in out.file.getvalue()
    assert "ELBO –" in out.file.getvalue()


def test_json_lines_have_null(source: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    events = loop()
    follow(source(events), JsonOutput(0.01))
    assert [decode(line) for line in capsys.readouterr().out.splitlines()] == events


@pytest.mark.parametrize("axis", ["steps", "epochs", "time"])
def test_only_metrics_with_values_have_a_chart(console: Callable[..., Console], axis: XAxis) -> None:
    state = reduce_all(RunState(), loop())
    shown = {
        name
        for name, quantity in METRICS.items()
        if print_curves(console(width=80), quantity, [state], CurveSettings(x_axis=axis), (80, 12))
    }
    assert shown == {"loss", "elbo", "kl", "active_units"}
