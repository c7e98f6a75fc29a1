"""How repetitions become figures."""

from __future__ import annotations

from tui_vae.bench.result import Measurement, Part


def test_a_figure_is_the_median_of_its_repetitions_with_their_spread() -> None:
    repetitions = [{("a step", "ms"): value, ("rate", "images/s"): 10 * value} for value in (1.0, 4.0, 2.0)]
    part = Part.of("training", repetitions)
    assert part.measurements == [
        Measurement("a step", "ms", 2.0, 1.0, 4.0, 3),
        Measurement("rate", "images/s", 20.0, 10.0, 40.0, 3),
    ]
    assert part.to_json()[0] == {
        "part": "training",
        "name": "a step",
        "unit": "ms",
        "median": 2.0,
        "low": 1.0,
        "high": 4.0,
        "repetitions": 3,
    }
