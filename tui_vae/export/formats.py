"""The formats of an export, and what writes each; what a format needs is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, get_args

from tui_vae.errors import UsageError
from tui_vae.export.columns import RunColumns
from tui_vae.view.image_cells import Pixels
from tui_vae.view.sanitize import printable

Format = Literal["csv", "parquet", "tensorboard"]
FORMATS: tuple[Format, ...] = get_args(Format)

_NEEDED = {"parquet": "pyarrow", "tensorboard": "tensorboard"}


class ExportFiles(Protocol):
    """The files of an export, written as often as there is something new.

    Attributes:
        seconds_between: Seconds after which a reader should find what is new, while the run trains.
    """

    seconds_between: float

    def write(self, columns: RunColumns) -> list[str]:
        """Write all that is new; returns a line about each file.

        Raises:
            RunStoreError: The folder is not that of an export of this run, or cannot be written.
            OSError: A file cannot be written; one that was there before is as it was.
        """

    def end(self, columns: RunColumns) -> None:
        """Write how the run ended, after the last :meth:`write`.

        Raises:
            OSError: A file cannot be written.
        """

    def release(self) -> None:
        """Let go of the folder; remove what is not at its place, after an error."""


def format_of(text: str) -> Format:
    """The format of that name.

    Raises:
        UsageError: There is none.
    """
    for known in FORMATS:
        if text == known:
            return known
    raise UsageError(f"--to is one of {', '.join(FORMATS)}; got {printable(text)}")


def open_files(form: Format, folder: Path, picture: Callable[[str], Pixels | None]) -> ExportFiles:
    """What writes a format into a folder. Nothing is written yet.

    Args:
        form: The format.
        folder: Where to.
        picture: Returns the pixels of a picture that an event names, or ``None`` where it cannot be read.

    Raises:
        UsageError: The format needs a package that is not installed.
    """
    from tui_vae.export.table_files import TableFiles, write_csv, write_parquet  # noqa: PLC0415

    try:
        if form == "tensorboard":
            from tui_vae.export.tensorboard_files import TensorBoardFiles  # noqa: PLC0415

            return TensorBoardFiles(folder, picture)
        if form == "parquet":
            import pyarrow.parquet  # noqa: F401, PLC0415 - before the log is read, which may take a while
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != _NEEDED[form]:
            raise
        raise UsageError(
            f"--to {form} needs {_NEEDED[form]}; install it with: pip install 'tui-vae[export]'"
        ) from error
    return TableFiles(folder, form, write_csv if form == "csv" else write_parquet)
