"""What ``tui-vae bench`` prints of what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tui_vae.bench import RATIO, Measurement, Part
from tui_vae.cli import bench

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


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def run(**options: object) -> None:
        monkeypatch.setattr(bench, "measure_all", lambda **asked: PARTS)
        bench.run_bench(**{"repeat": 2, "epochs": 4, "growth": False, "as_json": False} | options)

    return run


def test_figures_stand_under_the_title_of_their_part(
    measured: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    measured()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
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


def test_json_names_the_part_of_each_figure(measured: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    measured(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["v"] == 1
    assert [(of["part"], of["name"]) for of in told["measurements"]] == [
        ("training", "lab's loop / ours"),
        ("training", "rate"),
        ("start-up", "on screen"),
        ("start-up", "lost"),
    ]
    assert told["measurements"][0]["median"] == 4.3274


@pytest.mark.parametrize(
    ("value", "worded"),
    [(0.0, "0.00"), (9.996, "10.0"), (144.4, "144"), (999.4, "999"), (999.6, "1,000"), (31_104.0, "31,100")],
    ids=str,
)
def test_a_figure_has_three_digits_and_four_from_a_thousand_on(value: float, worded: str) -> None:
    assert bench._figure(value) == worded
