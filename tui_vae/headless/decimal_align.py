"""Numbers below each other with their decimal points in one column."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Each cell as one text, all of the same width.

    Args:
        cells: The pieces of each cell: numbers and what stands between them by turns, beginning with a number:
            ``["71.2", " ± ", "0.9"]``. A cell may have fewer pieces than others; an empty one is blank.
    """
    columns = max((len(cell) for cell in cells), default=0)
    padded = [[*cell, *[""] * (columns - len(cell))] for cell in cells]
    pieces = [_points([cell[k] for cell in padded]) if k % 2 == 0 else _filled(padded, k) for k in range(columns)]
    return ["".join(row) for row in zip(*pieces, strict=True)] if columns else ["" for _ in cells]


def _points(numbers: Sequence[str]) -> list[str]:
    """Numbers padded on both sides; what has no decimal point, such as a dash, ends where one would stand."""
    parts = [number.partition(".") for number in numbers]
    before, after = (max((len(p[k]) for p in parts), default=0) for k in (0, 2))
    point = any(p[1] for p in parts)
    return [f"{p[0]:>{before}}{(p[1] or ' ') if point else ''}{p[2]:<{after}}" for p in parts]


def _filled(cells: Sequence[Sequence[str]], column: int) -> list[str]:
    width = max(len(cell[column]) for cell in cells)
    return [f"{cell[column]:<{width}}" for cell in cells]
