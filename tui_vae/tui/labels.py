"""The name of a model with its marker, in a width of its own."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from tui_vae.charts.palette import ModelStyle
from tui_vae.view.sanitize import printable

_LONGEST_SEED = 6


def model_label(name: str, style: ModelStyle, width: int) -> Text:
    """Marker and name in at most ``width`` cells. A cut name keeps its seed, by which alone some models differ."""
    text = Text(f"{style.marker} {printable(name)}", style=style.style, no_wrap=True)
    base, at, seed = printable(name).rpartition("@")
    if text.cell_len > width and base and cell_len(seed) <= _LONGEST_SEED < width:
        text = Text(f"{style.marker} {base}", style=style.style, no_wrap=True)
        text.truncate(width - cell_len(at + seed), overflow="ellipsis")
        return text.append(at + seed)
    text.truncate(width, overflow="ellipsis")
    return text
