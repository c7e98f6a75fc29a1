"""Bars one line high: the classes of a model's samples, and the KL of each latent."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tui_vae.events import Evaluation

ACTIVE = 0.01
"""Nats from which on a latent says something; fewer have no bar."""

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"


def bars(values: Sequence[float], highest: float, *, ascii_only: bool) -> str:
    """A character for each value from 0 to ``highest``; whatever is above 0 shows."""
    ramp = _ASCII if ascii_only else _EIGHTHS
    return "".join(
        ramp[max(1, min(8, round(value / highest * 8)))] if math.isfinite(value) and value > 0 < highest else " "
        for value in values
    )


def class_histogram(evaluations: Sequence[Evaluation], *, ascii_only: bool) -> Table:
    """The share of each class among the samples in percent, a row for each model."""
    table = Table(
        title=Text("classes of the samples, %", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", overflow="fold", min_width=5)
    for digit in range(max(len(told.class_shares) for told in evaluations)):
        table.add_column(f"{digit} ", justify="right", no_wrap=True)
    highest = max((share for told in evaluations for share in told.class_shares if math.isfinite(share)), default=0)
    for told in evaluations:
        marks = bars(told.class_shares, highest, ascii_only=ascii_only)
        cells = (f"{100 * share:.1f}{mark}" for mark, share in zip(marks, told.class_shares, strict=True))
        table.add_row(Text(told.model), *cells)
    return table


def kl_of_latents(evaluations: Sequence[Evaluation], width: int, *, ascii_only: bool) -> list[RenderableType]:
    """The KL of each latent in descending order, and below that of a linear model what theory predicts."""
    rows = [
        (label, sorted(values, key=_finite, reverse=True))
        for told in evaluations
        for label, values in ((told.model, told.kl_per_latent), ("  predicted", told.predicted_kl_per_latent or ()))
        if values
    ]
    highest = max((value for _, values in rows for value in values if math.isfinite(value)), default=0)
    grid = Table.grid(padding=(0, 1, 0, 0))
    margin = max((len(label) for label, _ in rows), default=0)
    space = max(8, width - min(margin, 16) - 26)
    grid.add_column(overflow="fold", max_width=16)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, values in rows:
        active = [value for value in values if value >= ACTIVE]
        drawn = bars(values[: min(len(active), space)], highest, ascii_only=ascii_only)
        # More than fit are counted: what is cut has a sign.
        more = " +" if len(active) > space else ""
        most = f"{_finite(values[0]):.2f}" if math.isfinite(values[0]) else "nan"
        grid.add_row(Text(label), Text(drawn + more, style="cyan"), f"{len(active)} of {len(values)}, at most {most}")
    return [Text(f"KL of each latent in nats, those of {ACTIVE} and more", style="bold"), grid]


def _finite(value: float) -> float:
    """What is not a number as the least."""
    return value if math.isfinite(value) else -math.inf
