"""Networks of the user's own in a run: which code may be executed, the check of it, and the copy that the run keeps.

Code is executed

- if its ``--model`` is typed now;
- from the original file while its SHA-256 is that of the run, and this user has typed its ``--model`` before: hashes of
  such sources are remembered in :func:`tui_vae.app.settings_folder.settings_folder`. A run that was copied from
  elsewhere may name a file that came with it;
- with ``--trust``, the copy that the run keeps.

Nothing else that a run holds is ever executed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from tui_vae.app.settings_folder import settings_folder
from tui_vae.config import ModelSpec, Network, TrainConfig
from tui_vae.errors import RunStoreError
from tui_vae.model.network_check import check_networks
from tui_vae.model.own_networks import CheckedNetwork, ModelBuilder, Remark
from tui_vae.model.source_code import NetworkClasses, NetworkError, SourceFiles, files_of, load_classes
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.files import make_folder, read_small, replace_file

Classes = Mapping[Network, NetworkClasses]
"""Loaded classes by :attr:`Network.unresolved`."""

_MOST_FILES = 1000
_LARGEST_FILE = 2**20
_LARGEST_MEMORY = 2**20


def load_typed(config: TrainConfig, report: Callable[[str], None]) -> Classes:
    """Execute the sources of the networks that were typed; those of a script have none.

    Raises:
        NetworkError: One cannot be used.
    """
    loaded: dict[Network, NetworkClasses] = {}
    for spec in config.models:
        if spec.network is not None and not spec.network.is_by_script and spec.network.unresolved not in loaded:
            report(f"loading {spec.network.source}")
            with _named(spec):
                loaded[spec.network.unresolved] = load_classes(spec.network.unresolved)
    return loaded


def load_stored(run: RunDirectory, config: TrainConfig, *, trust: bool, typed: bool = False) -> Classes:
    """Execute the sources of a stored run's networks, where that is allowed.

    Args:
        run: The run.
        config: Its configuration.
        trust: Whether the user trusts the copies that it keeps.
        typed: Whether the user has typed the models now.

    Raises:
        NetworkError: It is not allowed, or a source cannot be used.
        RunStoreError: The copy in the run is not what the run was trained with.
    """
    loaded: dict[Network, NetworkClasses] = {}
    for spec in config.models:
        if spec.network is None or spec.network.unresolved in loaded:
            continue
        if spec.network.is_by_script:
            raise NetworkError(
                f"{spec.name} of {run.name} was trained by a script, whose networks no run keeps; in Python: "
                f"tui_vae.load({run.name!r}, {spec.name!r}, networks=(encoder, decoder))"
            )
        kept = run.source(spec.name)
        if trust:
            root: Path | None = kept
            if _kept_files(kept, spec.network).sha256 != spec.network.sha256:
                raise RunStoreError(f"{kept}: the source there is not that of the run")
        else:
            root = None
            _check_allowed(run, spec, spec.network, typed=typed)
        with _named(spec):
            loaded[spec.network.unresolved] = load_classes(spec.network, root)
    return loaded


def check_all(
    config: TrainConfig, classes: Classes, device: torch.device, dtype: torch.dtype
) -> tuple[TrainConfig, ModelBuilder, dict[str, tuple[Remark, ...]]]:
    """Check the networks of a configuration.

    Args:
        config: The configuration.
        classes: The loaded classes of its networks.
        device: Where they are to be trained.
        dtype: To which factors of products are to be rounded.

    Returns:
        The configuration with what was found; what makes its models; and remarks for the user by model.

    Raises:
        NetworkError: Networks cannot be trained.
    """
    checked: dict[Network, CheckedNetwork] = {}
    specs, remarks = [], {}
    for spec in config.models:
        if spec.network is None:
            specs.append(spec)
            continue
        key = spec.network.unresolved
        if key not in checked:
            with _named(spec):
                checked[key] = check_networks(classes[key], config.zdim, device, dtype=dtype)
        found = checked[key]
        resolved = spec.network.resolved(found.classes.files.sha256, found.facts)
        specs.append(dataclasses.replace(spec, network=resolved))
        remarks[spec.name] = found.remarks
    return dataclasses.replace(config, models=tuple(specs)), ModelBuilder(checked), remarks


def keep_sources(run: RunDirectory, config: TrainConfig, builder: ModelBuilder) -> None:
    """Write the sources of a new run's networks into it, and remember that this user has executed them.

    Raises:
        RunStoreError: They cannot be written.
    """
    for spec in config.models:
        network = builder.network(spec)
        if network is None or network.classes.network.is_by_script:
            continue
        files, folder = network.classes.files, run.source(spec.name)
        try:
            make_folder(folder.parent)
            for name, content in files.contents.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, content)
        except OSError as error:
            raise RunStoreError(f"{folder}: the source of {spec.name} cannot be kept ({error.strerror})") from error
        _remember(files.sha256)


def _check_allowed(run: RunDirectory, spec: ModelSpec, network: Network, *, typed: bool) -> None:
    """Refuse to execute the original file unless it is that of the run, and the user's own.

    Raises:
        NetworkError: The message says why, and how to allow it.
    """
    kept = run.source(spec.name)
    how = f"--trust executes the copy in {kept}"
    try:
        found = _original_files(kept, network)
    except NetworkError as error:
        raise NetworkError(f"{spec.name} of {run.name} is made of {network.source}: {error}; {how}") from error
    if found.sha256 != network.sha256:
        raise NetworkError(
            f"{spec.name} of {run.name}: {_changed(found, kept, network)} has changed since the run was trained; "
            f"{how}, and what is changed needs a new run"
        )
    if not typed and found.sha256 not in _remembered():
        raise NetworkError(
            f"{spec.name} of {run.name} needs code that you have not trained with here, {network.source}: "
            f"read it before you allow it; {how}"
        )


def _changed(found: SourceFiles, kept: Path, network: Network) -> Path:
    """The file that differs from the copy of the run."""
    contents: Mapping[str, bytes] = {}
    with contextlib.suppress(RunStoreError):
        contents = _kept_files(kept, network).contents
    different = (name for name, content in found.contents.items() if contents.get(name) != content)
    return found.root / next(different, found.main)


def _original_files(kept: Path, network: Network) -> SourceFiles:
    """The files of a network where it was typed: those that the run keeps copies of."""
    main = files_of(network)
    contents = dict(main.contents)
    with contextlib.suppress(RunStoreError):
        for name in _kept_files(kept, network).contents:
            try:
                contents[name] = read_small(main.root / name, _LARGEST_FILE)
            except OSError as error:
                raise NetworkError(f"{main.root / name} cannot be read ({error.strerror})") from error
    return SourceFiles(main.root, main.main, contents)


def _kept_files(folder: Path, network: Network) -> SourceFiles:
    """Read the copy that a run keeps; links are not followed.

    Raises:
        RunStoreError: There is none, or it cannot be read.
    """
    contents: dict[str, bytes] = {}
    try:
        for path, _, names in os.walk(folder):
            for name in names:
                file = Path(path, name)
                if file.is_symlink() or len(contents) == _MOST_FILES:
                    raise RunStoreError(f"{file}: a link, or one file too many, among the sources of a run")
                if not file.name.endswith(".pyc"):
                    contents[file.relative_to(folder).as_posix()] = read_small(file, _LARGEST_FILE)
        main = files_of(network, folder).main
    except (OSError, NetworkError) as error:
        raise RunStoreError(f"{folder}: the run's copy of {network.source} cannot be read ({error})") from error
    return SourceFiles(folder, main, contents)


@contextlib.contextmanager
def _named(spec: ModelSpec) -> Iterator[None]:
    """Put the model before the message of a fault."""
    try:
        yield
    except NetworkError as error:
        raise NetworkError(f"--model {spec.architecture}: {error}") from error.__cause__


def _memory() -> Path:
    return settings_folder() / "own-networks.sha256"


def _remembered() -> set[str]:
    try:
        return set(read_small(_memory(), _LARGEST_MEMORY).decode(errors="replace").split())
    except OSError:
        return set()


def _remember(sha256: str) -> None:
    """Where it cannot be written, ``--trust`` is asked for later."""
    known = _remembered()
    if sha256 not in known:
        with contextlib.suppress(OSError):
            _memory().parent.mkdir(parents=True, exist_ok=True)
            replace_file(_memory(), "".join(f"{one}\n" for one in [*sorted(known), sha256]).encode())
