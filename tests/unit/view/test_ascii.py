"""Stand-ins in ASCII."""

from __future__ import annotations

import pytest

from tui_vae.view.ascii import to_ascii


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("plain ~", "plain ~"),
        ("Fréchet", "Frechet"),
        ("±0.4 – −1", "~0.4 - -1"),
        ("✓ ✗ =", "+ ! ="),
        ("↑ ↓", "^ v"),
        ("█▄▁░", "#__."),
        ("模型", "??"),
    ],
)
def test_each_character_has_one(text: str, ascii_text: str) -> None:
    assert to_ascii(text) == ascii_text
