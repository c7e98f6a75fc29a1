"""The layout of a run directory, and its creation."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tui_vae.config import TrainConfig
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.events import is_own_loop
from tui_vae.run_store.checksums import sealed, unsealed
from tui_vae.run_store.files import read_small, replace_file

LOG, CONFIG = "events.jsonl", "config.json"
"""File names, for callers to whom a path object for each of many runs costs more than opening the file."""

_ATTEMPTS = 20
_STAMP = len("YYYYMMDD-HHMMSS-")
_INDENT = 2
_LARGEST_CONFIG = 1_000_000
_LONGEST = 200
_PLAIN = " =+,@()[]"
_LONGEST_ESCAPE = 12
"""Characters that percent-encoding makes of one."""

_MARKED = re.compile(r".+-[0-9a-f]{16}", re.DOTALL)
_HALF_ESCAPE = re.compile(r"%.?$", re.DOTALL)

_ADJECTIVES = """
amber bold brave bright brisk calm clear clever cosmic crisp daring deep eager early fair fleet fresh gentle glad golden
grand happy humble keen kind lively lucid lucky mellow merry mild neat nimble noble patient plain proud quick quiet
rapid rare ready serene sharp shy silent silver smart solid spry steady still subtle sunny swift tender tidy vivid warm
wise witty young
"""
_ANIMALS = """
badger bear beaver bison bittern crane curlew deer dolphin dove eagle egret elk falcon ferret finch fox gecko goose
grouse hare hawk hedgehog heron ibex ibis jackdaw jay kestrel kite lark lemur linnet lizard lynx magpie marten merlin
mole moose newt osprey otter owl panda pelican petrel plover puffin quail raven robin salmon seal shrew sparrow stoat
stork swallow swan swift tern thrush toad trout turtle vole weasel whale wolf wren
"""


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run. Nothing is read or written."""

    path: Path
    name: str

    @property
    def config(self) -> Path:
        return self.path / CONFIG

    @property
    def log(self) -> Path:
        return self.path / LOG

    @property
    def name_file(self) -> Path:
        """Names of the run that are too long for its folder; the folder's hash selects one."""
        return self.path / "name.txt"

    @property
    def lease(self) -> Path:
        return self.path / "lease.json"

    @property
    def control(self) -> Path:
        """The folder of requests by other processes."""
        return self.path / "control"

    def evaluation(self, model: str) -> Path:
        """The folder of a model's evaluation."""
        return self.path / "evaluation" / folder_name(model)

    def checkpoints(self, model: str) -> Path:
        return self.path / "models" / folder_name(model)

    def source(self, model: str) -> Path:
        """The folder with the source of a model's networks, where they are the user's own."""
        return self.checkpoints(model) / "source"

    def sheet(self, model: str, epoch: int) -> Path:
        return self.path / "samples" / folder_name(model) / f"epoch-{epoch:04d}.png"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()


def folder_name(model: str) -> str:
    """The folder of a name, valid on any file system: percent-encoded, and shortened with a hash."""
    plain = quote(model, safe=_PLAIN)
    if len(plain) <= _LONGEST:
        return plain
    return plain[: _LONGEST - len(_mark(model))] + _mark(model)


def _mark(name: str) -> str:
    """The hash at the end of a shortened folder name."""
    return f"-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def run_folder(name: str) -> str:
    """The name in a run's folder: as :func:`folder_name`, but shortened between characters.

    Folders of models are cut anywhere, as in the runs of earlier versions.
    """
    kept, mark = name, ""
    while len(plain := quote(kept, safe=_PLAIN)) + len(mark) > _LONGEST:
        kept, mark = kept[:-1], _mark(name)
    return plain + mark


def name_in(folder: str, known: Iterable[str]) -> str:
    """The inverse of :func:`run_folder`.

    Args:
        folder: The result of :func:`run_folder`.
        known: Candidates for a shortened name. Without a match, the rest of the name ends in an ellipsis.
    """
    if not _may_be_shortened(folder):
        return unquote(folder)
    cut = _HALF_ESCAPE.sub("", folder[: -len(_mark(""))])
    return next(
        (name for name in known if folder in (run_folder(name), folder_name(name))), f"{unquote(cut, errors='ignore')}…"
    )


def store_names(run: RunDirectory, *names: str) -> None:
    """Write those names of the run to a file that are too long for a folder.

    Raises:
        OSError: They could not be written.
    """
    long = [name for name in names if _may_be_shortened(run_folder(name))]
    if long:
        replace_file(run.name_file, "".join(f"{name}\n" for name in long).encode())


def _may_be_shortened(folder: str) -> bool:
    return len(folder) > _LONGEST - _LONGEST_ESCAPE and _MARKED.fullmatch(folder) is not None


def link_trouble(path: Path) -> str | None:
    """Why a symbolic link is broken; ``None`` if it is not, or ``path`` is no link."""
    try:
        target = os.readlink(path)
    except OSError:
        return None
    try:
        os.stat(path)
    except OSError as error:
        reasons = {errno.ENOENT: "which is not there", errno.ELOOP: "which leads back to itself"}
        return f"a link to {target}, {reasons.get(error.errno or 0) or f'which cannot be read ({error.strerror})'}"
    return None


def create_run(runs_dir: Path, name: str | None, config: TrainConfig | Mapping[str, Any]) -> RunDirectory:
    """Make the directory of a new run and write its configuration, or that of a loop of the user's own as JSON values.

    The folder is ``YYYYMMDD-HHMMSS-name`` in UTC, since local time runs back once a year and depends on the time zone.
    Without a name, the run has a random one.

    Raises:
        RunStoreError: It cannot be made, or a run of that name started within the same second. No file is left.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        run = _new_folder(runs_dir, name)
    except FileExistsError as error:
        if not runs_dir.is_dir():
            raise RunStoreError(f"{runs_dir} is not a directory; choose another --runs-dir") from error
        raise RunStoreError(f"{runs_dir}: a run called {name} began this second; choose another --name") from error
    except OSError as error:
        raise _cannot_keep(runs_dir, error) from error
    try:
        _write_config(run, config)
    except OSError as error:
        shutil.rmtree(run.path, ignore_errors=True)
        raise _cannot_keep(runs_dir, error) from error
    return run


def create_run_in(run: RunDirectory, config: TrainConfig) -> None:
    """Make a run in the folder that is given, which may exist without one.

    Raises:
        RunStoreError: It cannot be made.
    """
    try:
        run.path.mkdir(exist_ok=True)
        _write_config(run, config)
    except OSError as error:
        raise RunStoreError(f"{run.path}: cannot keep a run there ({error.strerror})") from error


def _write_config(run: RunDirectory, config: TrainConfig | Mapping[str, Any]) -> None:
    store_names(run, run.name)
    replace_file(run.config, config_file(config))


def config_file(config: TrainConfig | Mapping[str, Any]) -> bytes:
    """Encode a run's ``config.json``; :func:`read_config` reads it."""
    return sealed(config.to_json() if isinstance(config, TrainConfig) else dict(config), _INDENT)


def read_config(run: RunDirectory) -> TrainConfig:
    """Read the stored configuration. Those of earlier versions have no checksum.

    Raises:
        RunStoreError: It cannot be read, is not what was written, or is not of this version; or the run is written by a
            loop of the user's own, of which this program trains nothing.
    """
    try:
        values = _stored_options(run)
        if is_own_loop(values):
            raise RunStoreError(
                f"{run.name} is written by a training loop of the user's own, whose weights are not in the run: it can "
                "be watched, listed, plotted and compared"
            )
        return TrainConfig.from_json(values)
    except OSError as error:
        raise RunStoreError(f"{run.config}: cannot be read ({error.strerror})") from error
    except UsageError as error:
        raise RunStoreError(f"{run.config}: no configuration of this version ({str(error)[:200]!a})") from error


def options_of_own_loop(run: RunDirectory) -> dict[str, Any] | None:
    """Read what a run knows of the loop of the user's own that writes it; ``None`` for other runs.

    It is ``None``, too, where the configuration cannot be read.
    """
    try:
        options = _stored_options(run)
    except (OSError, RunStoreError):
        return None
    return options if is_own_loop(options) else None


def _stored_options(run: RunDirectory) -> dict[str, Any]:
    """
    Raises:
        OSError: They cannot be read.
        RunStoreError: They are not what was written.
    """
    return unsealed(read_small(run.config, _LARGEST_CONFIG), str(run.config), _INDENT, required=False)


def _cannot_keep(runs_dir: Path, error: OSError) -> RunStoreError:
    return RunStoreError(f"{runs_dir}: cannot keep runs there ({error.strerror}); choose another --runs-dir")


def random_name() -> str:
    """Make up a name, such as ``quiet-otter``. It does not depend on the run's seed: two runs of a seed have two."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_ANIMALS.split())}"


def _new_folder(runs_dir: Path, name: str | None) -> RunDirectory:
    taken = {entry[_STAMP:] for entry in os.listdir(runs_dir)} if name is None else set()
    for attempt in range(_ATTEMPTS):
        chosen = name or random_name()
        if run_folder(chosen) in taken and attempt < _ATTEMPTS - 1:
            continue
        now = time.gmtime(time.time())  # gmtime() alone uses the C library's clock, which may be ms behind
        path = runs_dir / f"{time.strftime('%Y%m%d-%H%M%S', now)}-{run_folder(chosen)}"
        try:
            os.mkdir(path)
        except FileExistsError:
            if name or attempt == _ATTEMPTS - 1:
                raise
        else:
            return RunDirectory(path, chosen)
    raise AssertionError("unreachable")
