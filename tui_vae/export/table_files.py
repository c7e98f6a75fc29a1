"""The tables of a run as files: CSV, or Parquet by pyarrow.

A number that there is not, or that is NaN, is empty in CSV and null in Parquet. Times are UTC: in CSV as ISO 8601, in
Parquet as timestamps. Each file is replaced as a whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tui_vae.export.columns import COUNTS, KL_PER_LATENT, Column, RunColumns, Table
from tui_vae.export.folder import ExportFolder
from tui_vae.run_store.files import replacing

_ROWS_AT_ONCE = 10_000

WriteTable = Callable[[BinaryIO, Table], None]


class TableFiles:
    """Writes ``progress``, ``epochs``, ``curves`` and ``evaluation`` into a folder.

    Args:
        folder: Where to.
        suffix: Of the files.
        write_table: Writes one of them.
    """

    seconds_between = 5.0
    """Seconds after which a reader of a run that trains should find newer files."""

    def __init__(self, folder: Path, suffix: str, write_table: WriteTable) -> None:
        self._folder, self._suffix, self._write_table = ExportFolder(folder), suffix, write_table

    def write(self, columns: RunColumns) -> list[str]:
        """Replace the files; returns a line about each.

        Raises:
            RunStoreError: As :meth:`ExportFolder.claim`.
            OSError: A file cannot be written, and is as it was.
        """
        self._folder.claim(columns)
        lines = []
        for name, table in columns.tables():
            path = self._folder.path / f"{name}.{self._suffix}"
            with replacing(path) as file:
                self._write_table(file, table)
            rows = len(table["run"])
            lines.append(f"{path}: {rows:,} row{'s' * (rows != 1)}")
        return lines

    def end(self, columns: RunColumns) -> None:
        """Nothing: the tables do not say it."""

    def release(self) -> None:
        self._folder.release()


def write_csv(file: BinaryIO, table: Table) -> None:
    """Write a table with a header; the KL per latent becomes columns ``kl_0``, ``kl_1``, …

    Raises:
        OSError: It cannot be written.
    """
    kl = table.get(KL_PER_LATENT, [])
    latents = max(map(len, kl), default=0)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in table if name != KL_PER_LATENT]
    writer.writerow((*names, *(f"kl_{latent}" for latent in range(latents))))
    for start in range(0, len(table["run"]), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        columns = [_cells(np.asarray(table[name][part]), whole=name in COUNTS) for name in names]
        if latents:
            columns += map(_cells, _padded(kl[part], latents).T)
        writer.writerows(zip(*columns, strict=True))
    text.flush()
    text.detach()


def _cells(column: npt.NDArray[Any], *, whole: bool = False) -> Sequence[object]:
    """The texts or numbers of a column; those of a ``whole`` one are whole also where some of them are not known."""
    if column.dtype.kind == "M":
        times: list[str] = np.datetime_as_string(column, unit="us", timezone="UTC").tolist()
        return times
    values: list[object] = column.tolist()
    if whole and column.dtype.kind == "f":
        return ["" if value != value else int(value) for value in column.tolist()]  # noqa: PLR0124 - as below
    if column.dtype.kind == "f" and np.isnan(column).any():
        return ["" if value != value else value for value in values]  # noqa: PLR0124 - faster than math.isnan
    return values


def _padded(rows: Column, length: int) -> npt.NDArray[np.float64]:
    """Rows of any lengths as a matrix, with NaN behind them."""
    matrix = np.full((len(rows), length), np.nan)
    for row, values in zip(matrix, rows, strict=True):
        row[: len(values)] = values
    return matrix


def write_parquet(file: BinaryIO, table: Table) -> None:
    """Write a table with a type for each column; the KL per latent is a list of floats.

    Raises:
        OSError: It cannot be written.
        ImportError: There is no pyarrow.
    """
    import pyarrow  # noqa: PLC0415 - an optional part
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {"M": pyarrow.timestamp("us", tz="UTC"), "O": pyarrow.string(), "f": pyarrow.float64()}
    columns = {}
    for name, column in table.items():
        listed = pyarrow.list_(pyarrow.float64())
        kind = listed if isinstance(column, list) else kinds.get(column.dtype.kind, pyarrow.int64())
        columns[name] = pyarrow.array(column, type=kind, from_pandas=True)
    texts = [name for name, column in columns.items() if column.type == pyarrow.string()]  # few of them differ
    parquet.write_table(pyarrow.table(columns), file, use_dictionary=texts)
