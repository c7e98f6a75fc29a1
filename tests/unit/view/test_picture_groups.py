"""Pictures of the same kind of all models, put together."""

from __future__ import annotations

from tests.tui.recorded_evaluation import evaluation
from tui_vae.metrics import Picture
from tui_vae.view.picture_groups import plates
from tui_vae.view.state import RunState, reduce_all


def picture(kind: str, file: str) -> Picture:
    return Picture(kind, f"title of {kind}", file, ("",), ("",))


def test_one_plate_a_kind_and_a_second_where_a_model_has_two() -> None:
    state = reduce_all(
        RunState(),
        [
            evaluation("a", pictures=(picture("x", "a1"), picture("y", "a2"), picture("x", "a3"))),
            evaluation("b", pictures=(picture("y", "b1"), picture("z", "b2"))),
        ],
    )
    found = [(plate.title, {name: p.file for name, p in plate.pictures.items()}) for plate in plates(state)]
    assert found == [
        ("title of x", {"a": "a1"}),
        ("title of y", {"a": "a2", "b": "b1"}),
        ("title of x", {"a": "a3"}),
        ("title of z", {"b": "b2"}),
    ]


def test_without_evaluations_there_are_none() -> None:
    assert plates(RunState()) == []
