"""Changes of a running model: what may be typed, and what the plan becomes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_vae.config import Change, ChangeKind, Plan, TrainConfig
from tui_vae.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("add_epochs", "5", "5 more epochs"),
        ("add_epochs", " 1 ", "1 more epoch"),
        ("add_epochs", "1e3", "1,000 more epochs"),
        ("set_learning_rate", "1e-3", "learning rate 0.001"),
    ],
)
def test_what_is_typed_is_said_again(kind: ChangeKind, text: str, said: str) -> None:
    assert str(Change.parse(kind, text)) == said


@pytest.mark.parametrize("kind", ["add_epochs", "set_learning_rate"])
@given(text=st.text(max_size=100) | st.floats().map(str))
def test_whatever_is_typed_is_a_change_or_refused_in_one_line(kind: ChangeKind, text: str) -> None:
    refusal = ""
    try:
        change = Change.parse(kind, text)
    except UsageError as error:
        refusal = str(error)
    else:
        assert math.isfinite(change.value)
        assert change.value > 0
    assert (refusal or "refused").isprintable()
    assert len(refusal) < 120


def test_a_rate_has_the_limits_of_the_option() -> None:
    with pytest.raises(UsageError, match="the learning rate is at most 1e"):
        Change("set_learning_rate", 1e31)
    with pytest.raises(UsageError, match="--lr is at most 1e"):
        TrainConfig(lr=1e31)


def test_a_plan_follows_changes_and_options_that_are_typed_anew() -> None:
    config = TrainConfig(epochs=20, lr=2e-3)
    plan = Plan.of(config)
    assert not plan.changed
    longer = plan.after(Change("add_epochs", 5)).after(Change("add_epochs", 1)).after(Change("set_learning_rate", 1e-3))
    assert longer.changed
    assert (longer.epochs, longer.lr) == (26, 1e-3)
    assert longer.continued(config) == longer
    retyped = longer.continued(config.continued({"epochs": 40}))
    assert (retyped.epochs, retyped.lr, retyped.changed) == (40, 1e-3, True)
    assert not retyped.continued(config.continued({"epochs": 40, "lr": 5e-3})).changed
