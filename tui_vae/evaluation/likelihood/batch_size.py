"""How many rows are worked on at once: within the bytes that are allowed, and few enough to stay in the caches."""

from __future__ import annotations

from tui_vae.errors import UsageError

MEMORY = 256 * 2**20
"""Bytes that an estimate may take for what it works on, beside the images, the model and its results."""


def rows_within(memory: int, row_bytes: int, most: int, what: str) -> int:
    """The number of rows to work on at once, at least one and at most ``most``.

    Args:
        memory: Bytes allowed.
        row_bytes: Bytes of one row.
        most: Rows beyond which nothing is gained.
        what: One row, for people.

    Raises:
        UsageError: Not even one row fits.
    """
    if row_bytes > memory:
        raise UsageError(f"{what} takes {row_bytes:,} bytes of memory, more than the {memory:,} allowed")
    return min(most, memory // row_bytes)
