"""Which classifier a data set is looked at with: the shipped one for MNIST, for any other one that is trained once.

A trained classifier lies in the user's cache directory as ``KEY.safetensors``, with ``KEY.json`` beside it that tells
what it belongs to and the hash of its weights. The JSON is written last: weights without it, or with another's, do not
count. Whatever is wrong with a file, the answer is to train again, since nothing in a cache is worth an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tui_vae.data.splits import Split
from tui_vae.evaluation.classifier.network import NETWORK_VERSION, DigitClassifier, from_bytes, to_bytes
from tui_vae.evaluation.classifier.training import RECIPE_VERSION, check_labels, train_classifier
from tui_vae.evaluation.classifier.weights import SHIPPED_FOR, load_shipped

Report = Callable[[float, str], None]
"""Told the share done and a line on what is being done; may raise to cancel."""

CACHED_EPOCHS = 5
"""A shorter schedule than that of the shipped weights: somebody is waiting."""

_SEED = 0


def classifier_for(
    name: str, train: Split, *, report: Report = lambda share, text: None, epochs: int = CACHED_EPOCHS
) -> DigitClassifier:
    """The classifier of a data set, on the CPU: shipped, cached, or trained now and cached.

    Args:
        name: The data set's name.
        train: Its whole training split: other images ask for another classifier.
        report: Told how far training is and that it happens once; told nothing where there is nothing to train.
        epochs: How long one is trained.

    Raises:
        DataError: The shipped file is damaged, or the images are not of the ten classes 0 to 9.
    """
    if name == SHIPPED_FOR:
        return load_shipped()
    check_labels(train.labels)
    key = _key(name, train, epochs)
    path = cache_folder() / f"{_digest(json.dumps(key).encode())[:32]}.safetensors"
    cached = _read(path, key)
    if cached is not None:
        return cached
    text = f"training a classifier of {name} for the fidelity metrics, once"
    report(0.0, text)
    classifier = train_classifier(train, epochs=epochs, seed=_SEED, report=lambda share: report(share, text))
    try:
        _write(path, key, to_bytes(classifier))
    except OSError as error:
        cause = error.strerror or type(error).__name__
        report(
            1.0, f"the classifier of {name} cannot be kept in {path.parent} ({cause}): it is trained again next time"
        )
    return classifier.cpu()


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tui-vae/classifiers``, or below ``~/.cache`` (XDG Base Directory Specification, 0.8).

    A relative ``$XDG_CACHE_HOME`` does not count, as the specification has it.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(chosen) if os.path.isabs(chosen) else Path("~/.cache").expanduser()
    return base / "tui-vae" / "classifiers"


def _key(name: str, train: Split, epochs: int) -> dict[str, str | int]:
    """All that the weights depend on, but for the machine."""
    return {
        "dataset": name,
        "images_sha256": _digest(train.images.cpu().numpy().tobytes()),
        "labels_sha256": _digest(train.labels.cpu().numpy().tobytes()),
        "network": NETWORK_VERSION,
        "recipe": RECIPE_VERSION,
        "epochs": epochs,
        "seed": _SEED,
    }


def _read(path: Path, key: dict[str, str | int]) -> DigitClassifier | None:
    """The classifier that lies there, if it is whole and of this key."""
    try:
        beside: Any = json.loads(path.with_suffix(".json").read_bytes())
        content = path.read_bytes()
        if beside != {**key, "weights_sha256": _digest(content)}:
            return None
        return from_bytes(content)
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, key: dict[str, str | int], content: bytes) -> None:
    """Keep the weights, then what they belong to.

    Raises:
        OSError: They could not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = {**key, "weights_sha256": _digest(content)}
    _replace(path, content)
    _replace(path.with_suffix(".json"), json.dumps(beside, indent=1).encode() + b"\n")


def _replace(path: Path, content: bytes) -> None:
    """Write beside ``path`` under a name that no other process has, flush to the disk, and rename into place."""
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
