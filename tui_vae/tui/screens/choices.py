"""One line of a dialog in which a key, or the highlighted line, decides."""

from __future__ import annotations

from rich.text import Text
from textual.widgets.option_list import Option


def choice(key: str, text: str, id: str) -> Option:
    return Option(Text.assemble((f"{key:>4}", "bold"), f"  {text}"), id=id)
