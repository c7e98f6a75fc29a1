"""A study on the disk: a folder with ``study.json`` and the runs of its trials. Loads neither torch nor Ray.

The folder is ``RUNS_DIR/NAME``, without the time that a run's folder has: the same name must find the same study, and
of two processes that begin it only one can make the folder. A trial's run lies in it under the trial's name, also
without a time, so that a trial can never have two runs. What a trial is doing is read from its run and kept nowhere
else. Who runs the study holds the lease of its folder, as the writer of a run holds that of the run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tui_vae.codec import convert, to_builtins
from tui_vae.config import check_name, path_of
from tui_vae.config.study import STUDY_VERSION, Study, Trial
from tui_vae.errors import EventError, RunStoreError, UsageError
from tui_vae.run_store.checksums import sealed, unsealed
from tui_vae.run_store.directory import RunDirectory, name_in, run_folder
from tui_vae.run_store.files import read_small, replace_file

STUDY = "study.json"

_INDENT = 1
_LARGEST = 100_000_000
_LIKE_A_RUN = re.compile(r"\d{8}-\d{6}-.*", re.DOTALL)
_RESERVED = ("latest",)


@dataclass(frozen=True)
class StudyDirectory:
    """The paths of one study. Nothing is read or written."""

    path: Path
    name: str

    @property
    def file(self) -> Path:
        return self.path / STUDY

    @property
    def as_run(self) -> RunDirectory:
        """The same folder for what a study has in common with a run: its lease, and the requests to who runs it."""
        return RunDirectory(self.path, self.name)

    def run(self, trial: Trial) -> RunDirectory:
        """The run of a trial, whether it has begun or not."""
        return RunDirectory(self.path / trial.folder, trial.id)


def study_named(runs_dir: Path, name: str) -> StudyDirectory:
    """The folder of a study of that name, whether it exists or not.

    Raises:
        UsageError: The name is not allowed.
    """
    check_name(name, "a study name")
    if name in _RESERVED or _LIKE_A_RUN.fullmatch(name):
        raise UsageError(f"{name} cannot be a study's name, since it names runs; choose another")
    return StudyDirectory(runs_dir / run_folder(name), name)


def study_at(path: Path) -> StudyDirectory | None:
    """The study in a folder; ``None`` if it is not one. Nothing is read."""
    return _directory(Path(os.path.abspath(path))) if os.path.isfile(path / STUDY) else None


def find_study(runs_dir: Path, text: str) -> StudyDirectory | None:
    """The study of that name or path; ``None`` if there is none."""
    if os.sep in text or text in (os.curdir, os.pardir):
        return study_at(Path(path_of(text)))
    return study_at(runs_dir / run_folder(text)) or study_at(runs_dir / text)


def study_alone(runs_dir: Path, texts: Sequence[str]) -> StudyDirectory | None:
    """The study that is meant; ``None`` where runs are.

    Raises:
        UsageError: A study stands among others.
    """
    study = next((found for text in texts if (found := find_study(runs_dir, text)) is not None), None)
    if study is not None and len(texts) > 1:
        raise UsageError(f"{study.name} is a study, which is taken alone; leave the others out")
    return study


def studies_in(runs_dir: Path) -> Iterator[StudyDirectory]:
    """The studies of a directory, by name.

    Raises:
        RunStoreError: The directory cannot be read. One that does not exist has no studies.
    """
    try:
        names = sorted(os.listdir(runs_dir))
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunStoreError(f"{runs_dir}: cannot be read ({error.strerror}); choose another --runs-dir") from error
    for name in names:
        if not name.startswith(".") and (found := study_at(runs_dir / name)) is not None:
            yield found


def read_study(directory: StudyDirectory) -> Study:
    """Read a study.

    Raises:
        RunStoreError: It cannot be read, is not what was written, or is of another version.
    """
    try:
        values = unsealed(read_small(directory.file, _LARGEST), str(directory.file), _INDENT, required=False)
        if values.get("version") != STUDY_VERSION:
            raise RunStoreError(f"{directory.file}: version {values.get('version')!r} is not {STUDY_VERSION}")
        study = convert(values, Study)
        study.base  # noqa: B018 - refuses options of another version
    except OSError as error:
        raise RunStoreError(f"{directory.file}: cannot be read ({error.strerror})") from error
    except (EventError, UsageError) as error:
        raise RunStoreError(f"{directory.file}: no study of this version ({str(error)[:200]!a})") from error
    if any(trial.folder != os.path.basename(trial.folder) or trial.folder in ("", ".", "..") for trial in study.trials):
        raise RunStoreError(f"{directory.file}: a trial's run lies outside the study")
    return study


class StudyStart(msgspec.Struct, frozen=True):
    """What a list says of a study: when it was made, in Unix time, and its trials, which are counted and not read."""

    created: float
    trials: tuple[msgspec.Raw, ...]


def read_study_start(directory: StudyDirectory) -> StudyStart | None:
    """Read the start of a study, whose checksum is not checked; ``None`` if that is impossible."""
    try:
        return msgspec.json.decode(read_small(directory.file, _LARGEST), type=StudyStart)
    except (OSError, msgspec.MsgspecError):
        return None


def write_study(directory: StudyDirectory, study: Study) -> None:
    """Write a study, whose folder exists, replacing what it was.

    Raises:
        RunStoreError: It could not be written; the file is as it was.
    """
    try:
        replace_file(directory.file, sealed(to_builtins(study), _INDENT))
    except OSError as error:
        raise RunStoreError(f"{directory.file}: cannot be written ({error.strerror})") from error


def make_study_folder(directory: StudyDirectory) -> None:
    """Make the folder of a study, unless it is there.

    Raises:
        RunStoreError: It cannot be made, or something else is there.
    """
    try:
        directory.path.mkdir(parents=True)
    except FileExistsError:
        if not directory.path.is_dir() or not _is_free(directory):
            raise RunStoreError(f"{directory.path} exists and is not a study; choose another name") from None
    except OSError as error:
        raise RunStoreError(
            f"{directory.path}: cannot keep a study there ({error.strerror}); choose another --runs-dir"
        ) from error


def _is_free(directory: StudyDirectory) -> bool:
    """Whether a folder is a study, or one that was killed before it had its file."""
    names = os.listdir(directory.path)
    return STUDY in names or all(name.startswith((".", "lease")) for name in names)


def _directory(path: Path) -> StudyDirectory:
    return StudyDirectory(path, name_in(path.name, ()))
