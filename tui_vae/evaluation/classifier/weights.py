"""The weights that the package ships: found, held against their hash, and loaded.

How ``mnist.safetensors`` was made, and what it reaches, stands in ``NOTICE.md`` beside it.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from tui_vae.errors import DataError
from tui_vae.evaluation.classifier.network import DigitClassifier, from_bytes

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
