"""The name of a model with its marker, cut to a width."""

from __future__ import annotations

import pytest

from tui_vae.charts.palette import model_style
from tui_vae.tui.widgets.models import model_label

STYLE = model_style(0, ascii_only=True)


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("deep", 12, "o deep"),
        ("baseline@0", 12, "o baseline@0"),
        ("baseline@0", 11, "o baseli…@0"),
        ("baseline@12", 11, "o basel…@12"),
        ("a-long-name-of-a-model", 11, "o a-long-n…"),
        ("a@very-long-end", 9, "o a@very…"),
    ],
)
def test_a_name_is_cut_so_that_its_seed_stays(name: str, width: int, shown: str) -> None:
    assert model_label(name, STYLE, width).plain == shown


def test_a_name_cannot_disturb_the_terminal() -> None:
    assert "\x1b" not in model_label("x\x1b[31m@1", STYLE, 40).plain
