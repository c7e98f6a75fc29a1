"""What ``tui-vae bench`` prints of what was measured."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tui_vae.app.signals import StopSignals
from tui_vae.bench import RATIO, Measurement, Part
from tui_vae.cli.app import app
from tui_vae.headless.tables import print_measurements

PARTS = [
    Part(
        "training",
        [
            Measurement("lab's loop / ours", RATIO, 4.3274, 4.0, 4.5, 2),
            Measurement("rate", "images/s", 149_123.0, 149_123.0, 149_123.0, 2),
        ],
    ),
    Part(
        "start-up",
        [Measurement("on screen", "s", 0.6787, 0.6, 0.7, 2), Measurement("lost", RATIO, 0.00796, 0.007, 1.0, 2)],
    ),
]


def output(monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    monkeypatch.setattr("tui_vae.cli.bench.measure_all", lambda **settings: PARTS)
    done = CliRunner().invoke(app, ["bench", *options], obj=StopSignals(), env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    return done.output


def test_figures_stand_under_the_title_of_their_part(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [" ".join(line.split()) for line in output(monkeypatch).splitlines() if line.strip()]
    assert lines[0] == "median least greatest"
    assert lines[2:8] == [
        "training",
        "lab's loop / ours 4.33 4.00 4.50",
        "rate 149,100 images/s 149,100 149,100",
        "start-up",
        "on screen 0.679 s 0.600 0.700",
        "lost 0.00796 0.00700 1.00",
    ]
    assert lines[8].startswith("median, least and greatest of 2 rounds; ")
    assert "torch " in " ".join(lines[8:])


def test_json_names_the_part_of_each_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(output(monkeypatch, "--json"))
    assert found["v"] == 1
    assert [(of["part"], of["name"]) for of in found["measurements"]] == [
        ("training", "lab's loop / ours"),
        ("training", "rate"),
        ("start-up", "on screen"),
        ("start-up", "lost"),
    ]
    assert found["measurements"][0]["median"] == 4.3274


@pytest.mark.parametrize(
    ("value", "worded"),
    [(0.0, "0.00"), (9.996, "10.0"), (144.4, "144"), (999.4, "999"), (999.6, "1,000"), (31_104.0, "31,100")],
    ids=str,
)
def test_a_figure_has_three_digits_and_four_from_a_thousand_on(
    value: float, worded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_measurements({"part": [("x", "", value, value, value)]}, "note")
    assert ["x", worded, worded, worded] in [line.split() for line in capsys.readouterr().out.splitlines()]
