"""Imports that the garbage collector keeps out of: they make a great deal, and nothing of it is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Collect nothing meanwhile, and never look again at what is there at the end.

    Torch and Textual are half a million objects. A full collection over them takes a twentieth of a second, three times
    as long beside training, in which no key is answered; and many of them happen while they are imported.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
