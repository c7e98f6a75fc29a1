"""Load the classes of a user's own networks from a file or a module, together with the source they are made of.

Loading executes that code. Who may ask for it is decided elsewhere (:mod:`tui_vae.app.own_networks`).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import io
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from tui_vae.config import Network
from tui_vae.config.networks import FILE_ENDING
from tui_vae.errors import UsageError, one_line

_PRIVATE_NAME = "_network_of_the_user_{}"
"""Of the module that a file becomes: its own name may be that of a library, as ``types.py`` is."""

_LARGEST_SOURCE = 2**20

_LOADING = threading.Lock()
_LOCAL: set[str] = set()
"""Modules of the folder of the last source that was loaded."""


class NetworkError(UsageError):
    """Networks of the user's own cannot be used; the text names the file, the place in it, and what to do."""


@dataclass(frozen=True)
class SourceFiles:
    """The files that networks are made of: the one with the classes, and those that it imports from its own folder.

    Attributes:
        root: The folder that their names start from.
        main: The file with the classes.
        contents: By name, relative to ``root``, with ``/`` between folders.
    """

    root: Path
    main: str
    contents: Mapping[str, bytes]

    @property
    def sha256(self) -> str:
        """Of the file; of several, of their names and hashes."""
        if len(self.contents) == 1:
            return hashlib.sha256(self.contents[self.main]).hexdigest()
        lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(self.contents.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def place_of(self, error: BaseException) -> str:
        """Where in these files an error arose, such as ``nets.py:12``; the name of the main file if not in them."""
        paths = {str(self.root / name): name for name in self.contents}
        if isinstance(error, SyntaxError) and error.filename in paths:
            return f"{paths[error.filename]}:{error.lineno}"
        frames = traceback.extract_tb(error.__traceback__)
        inside = [f"{paths[frame.filename]}:{frame.lineno}" for frame in frames if frame.filename in paths]
        return inside[-1] if inside else self.main


@dataclass(frozen=True)
class NetworkClasses:
    """The loaded classes of an encoder and a decoder, or functions that make them, and their source."""

    network: Network
    encoder: Callable[..., Any]
    decoder: Callable[..., Any]
    files: SourceFiles


def files_of(network: Network, root: Path | None = None) -> SourceFiles:
    """Read the main file of a network without executing it.

    Args:
        network: The network.
        root: Where its files are; by default where ``network.source`` says.

    Raises:
        NetworkError: It is not there, or cannot be read.
    """
    path, root = _main_path(network, root)
    try:
        if path.stat().st_size > _LARGEST_SOURCE:
            raise NetworkError(f"{path} has more than {_LARGEST_SOURCE:,} bytes: that is not Python source")
        content = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path} cannot be read ({error.strerror})") from error
    name = path.relative_to(root).as_posix()
    return SourceFiles(root, name, {name: content})


def load_classes(network: Network, root: Path | None = None) -> NetworkClasses:
    """Execute the source of a network and return its classes.

    What the code prints goes to stderr, and settings of torch that it changes for the whole process are restored.

    Args:
        network: The network.
        root: Where its files are, such as the copy that a run keeps; by default where ``network.source`` says.

    Raises:
        NetworkError: The source is not there, fails, or lacks a class.
    """
    files = files_of(network, root)
    with _LOADING:
        return _loaded(network, files)


def _loaded(network: Network, files: SourceFiles) -> NetworkClasses:
    for name in _LOCAL:  # what an earlier load imported may have changed, or be of another folder
        sys.modules.pop(name, None)
    _LOCAL.clear()
    before = set(sys.modules)
    try:
        with _importing_from(files.root), _settings_restored(), contextlib.redirect_stdout(PrintedToStderr()):
            module = _executed(files) if network.is_file else importlib.import_module(network.source)
    except (Exception, SystemExit) as error:
        raise NetworkError(f"{files.place_of(error)}: {_what_failed(error)}") from error
    complete = SourceFiles(files.root, files.main, dict(files.contents) | _local_modules(files, before))
    encoder, decoder = (_class_of(module, name, network, complete) for name in (network.encoder, network.decoder))
    return NetworkClasses(network, encoder, decoder, complete)


def _what_failed(error: BaseException) -> str:
    """Describe an error of executing a source, and what to do."""
    if isinstance(error, SystemExit):
        return 'it ends the program; put what is not for an import below if __name__ == "__main__":'
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}"
    text = f"{type(error).__name__}: {_short(error)}"
    if isinstance(error, ImportError) and "relative import" in text:
        return f"{text}; a file of the same folder is imported by its name, without the dot"
    if isinstance(error, ModuleNotFoundError):
        return f"{text}; install it, or put the file into the same folder"
    return f"{text}; the file is executed once, to find its classes"


class PrintedToStderr(io.TextIOBase):
    """A stdout for the user's code where stdout is for something else; that stderr is closed is no error of theirs."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def _main_path(network: Network, root: Path | None) -> tuple[Path, Path]:
    """The file with the classes, and the folder that names of files start from."""
    if network.is_file:
        path = Path(os.path.abspath(network.source))
        if root is not None:
            path = root / path.name
        return path, path.parent
    if root is None:
        root = _root_of(network.source)
    path = root.joinpath(*network.source.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}{FILE_ENDING}")
    if not path.is_file():
        raise _not_found(network.source)
    return path, root


def _root_of(module: str) -> Path:
    """The folder from which a module is imported. Nothing is executed, not even the packages above it.

    Raises:
        NetworkError: It is not found.
    """
    importlib.invalidate_caches()
    folders = [os.getcwd(), *sys.path]
    found = importlib.machinery.PathFinder.find_spec(module.partition(".")[0], folders)
    places = [] if found is None else found.submodule_search_locations or [found.origin or ""]
    for place in places:
        return Path(place).parent
    raise _not_found(module)


def _not_found(module: str) -> NetworkError:
    return NetworkError(
        f"no module {module} is found from here; give a file that ends in .py, or widths such as 512,256"
    )


def _executed(files: SourceFiles) -> ModuleType:
    """Execute a file as a module that no import finds under its own name."""
    path, content = files.root / files.main, files.contents[files.main]
    name = _PRIVATE_NAME.format(hashlib.sha256(str(path).encode() + content).hexdigest()[:16])
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _local_modules(files: SourceFiles, before: set[str]) -> dict[str, bytes]:
    """The files below the root that were imported by executing the main one."""
    libraries = tuple(os.path.join(path, "") for path in {*sysconfig.get_paths().values()} if path)
    own = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
    root = os.path.join(files.root, "")
    found = {}
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None)
        if not path or not path.startswith(root) or path.startswith(own) or not path.endswith(FILE_ENDING):
            continue
        if any(path.startswith(library) and not root.startswith(library) for library in libraries):
            continue
        _LOCAL.add(name)
        with contextlib.suppress(OSError):
            found[Path(path).relative_to(files.root).as_posix()] = Path(path).read_bytes()
    return found


def _class_of(module: ModuleType, name: str, network: Network, files: SourceFiles) -> Callable[..., Any]:
    found = vars(module).get(name)
    if callable(found):
        return found  # type: ignore[no-any-return]
    if found is not None:
        raise NetworkError(f"{files.main}: {name} is not a class")
    there = [
        key
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]
    names = f"it has {', '.join(there)}" if there else "it has no class of torch.nn.Module"
    raise NetworkError(
        f"{files.main} has no class {name}; {names[:200]}: name them as {network.source}:ENCODER,DECODER"
    )


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """A context in which imports look into a folder first; afterwards they look there last, for late imports."""
    path = str(folder)
    sys.path.insert(0, path)
    writes = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # the folder may be a run's
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(path)
        if path not in sys.path:
            sys.path.append(path)


@contextlib.contextmanager
def _settings_restored() -> Iterator[None]:
    """Restore what a script sets for the whole process and all its threads, which train other models too."""
    dtype, threads, gradient = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    generator = torch.get_rng_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradient)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_rng_state(generator)


def _short(error: BaseException) -> str:
    return one_line(error)[:200]
