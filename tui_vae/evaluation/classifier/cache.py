"""The classifier of a data set: shipped with the package for MNIST, trained once and cached for any other.

A trained classifier lies in the user's cache directory as ``KEY.safetensors``, with a ``KEY.json`` that holds
its key and the hash of its weights. The JSON is written last: weights without it, or with another's, do not
count. Whatever is wrong with a file, the answer is to train again, since nothing in a cache is worth an error.

``NOTICE.md`` says how ``mnist.safetensors`` was made and which accuracy it reaches.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from tui_vae.data.splits import Split
from tui_vae.errors import DataError
from tui_vae.evaluation.classifier.network import NETWORK_VERSION, DigitClassifier, from_bytes, to_bytes
from tui_vae.evaluation.classifier.training import RECIPE_VERSION, check_labels, train_classifier

SHIPPED_FOR = "mnist"
"""The data set whose classifier is shipped."""

SHIPPED_SHA256 = "0f43ab06e00ef8be1c3f5acaa8b646c9478628a395160eec12b492141ab1b053"


def shipped_path() -> Path:
    return Path(str(resources.files("tui_vae.evaluation.classifier") / f"{SHIPPED_FOR}.safetensors"))


def load_shipped(path: Path | None = None) -> DigitClassifier:
    """The classifier of MNIST, on the CPU.

    Args:
        path: Where the file lies; the package's own by default.

    Raises:
        DataError: The file is missing, or is not the one that was published.
    """
    path = path or shipped_path()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); install tui-vae again") from error
    if hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
        raise DataError(f"{path}: content differs from the published weights; install tui-vae again")
    return from_bytes(content)


Key = dict[str, str | int]
Report = Callable[[float, str], None]
"""Called with the share done and a line of text; may raise to cancel."""

# Somebody is waiting: five passes over 60,000 images take a minute or two on two cores.
_IMAGES_SEEN = 300_000
_MOST_EPOCHS = 10

_SEED = 0


def classifier_for(name: str, train: Split, *, report: Report = lambda share, text: None) -> DigitClassifier:
    """The classifier of a data set, on the CPU: shipped, cached, or trained now and cached.

    Args:
        name: The data set's name.
        train: Its whole training split, on the device to train on. Other images ask for another classifier.
        report: Called during training; not called when the classifier is shipped or cached.

    Raises:
        DataError: The shipped file is damaged, or the images are not of the ten classes 0 to 9.
    """
    if name == SHIPPED_FOR:
        return load_shipped()
    check_labels(train.labels)
    key = _key(name, train)
    cached = _read(key)
    if cached is not None:
        return cached
    text = f"training a classifier of {name} for the fidelity metrics, once"
    report(0.0, text)
    epochs = min(_MOST_EPOCHS, max(1, _IMAGES_SEEN // len(train)))
    classifier = train_classifier(train, epochs=epochs, seed=_SEED, report=lambda share: report(share, text)).cpu()
    try:
        _write(key, to_bytes(classifier))
    except OSError as error:
        report(1.0, f"the classifier of {name} cannot be kept for the next time ({_cause(error)})")
    return classifier


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tui-vae/classifiers``, or below ``~/.cache`` (XDG Base Directory Specification 0.8).

    A relative ``$XDG_CACHE_HOME`` does not count, as the specification has it.

    Raises:
        OSError: This user has no home directory.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not chosen.is_absolute():
        try:
            chosen = Path.home() / ".cache"
        except RuntimeError as error:
            raise FileNotFoundError(errno.ENOENT, "no home directory") from error
    return chosen / "tui-vae" / "classifiers"


def _key(name: str, train: Split) -> Key:
    """Everything but the machine that the weights depend on."""
    return {
        "dataset": name,
        "images_sha256": _digest(train.images.cpu().numpy().tobytes()),
        "labels_sha256": _digest(train.labels.cpu().numpy().tobytes()),
        "network": NETWORK_VERSION,
        "recipe": RECIPE_VERSION,
    }


def _path(key: Key) -> Path:
    # Of the key's hash alone: a name of a data set may hold what a file's name must not.
    return cache_folder() / f"{_digest(json.dumps(key).encode())[:32]}.safetensors"


def _read(key: Key) -> DigitClassifier | None:
    """The classifier that is kept under this key, if it is whole."""
    try:
        path = _path(key)
        sidecar: Any = json.loads(path.with_suffix(".json").read_bytes())
        content = path.read_bytes()
        return from_bytes(content) if sidecar == {**key, "weights_sha256": _digest(content)} else None
    except (OSError, ValueError, RecursionError):
        return None


def _write(key: Key, content: bytes) -> None:
    """Keep the weights, then what they belong to.

    Raises:
        OSError: They could not be written.
    """
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, content)
    sidecar = {**key, "weights_sha256": _digest(content)}
    _replace(path.with_suffix(".json"), json.dumps(sidecar, indent=1).encode() + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Write to a unique temporary file in the same folder, fsync, and rename."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _cause(error: OSError) -> str:
    return f"{error.strerror or type(error).__name__}: {error.filename}" if error.filename else str(error.strerror)
