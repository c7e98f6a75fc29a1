"""CUDA graphs emulated on the CPU: operations are recorded with the tensors they use, and run at every replay.

As with a real graph, captured work runs once, at the end of the capture; a number of the host is the same at every
replay; and reading a value on the host fails the capture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tui_vae.training.step import Capture, Work


def capture(work: Work) -> Work:
    """Like the function of the same name in ``tui_vae.training.capture_cache``."""
    recording = _Recording()
    with recording:
        work()
    recording.replay()
    return recording.replay


def logged(original: Capture, done: list[str]) -> Capture:
    """Wrap a capture so that it appends a word to ``done`` for each capture and each later replay."""

    def capture(work: Work) -> Work:
        replay = original(work)
        done.append("captured")

        def replayed() -> None:
            done.append("replayed")
            replay()

        return replayed

    return capture


def must_capture(original: Capture) -> Capture:
    """Wrap a capture so that it fails if it returns the work as it is."""

    def capture(work: Work) -> Work:
        replay = original(work)
        assert replay is not work
        return replay

    return capture


class _Recording(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self._operations: list[Callable[[], object]] = []

    @torch.no_grad()
    def replay(self) -> None:
        for operation in self._operations:
            operation()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("the host\n cannot read while capturing")
        schema = func._schema
        if schema.is_mutable:
            self._operations.append(lambda: func(*args, **kwargs))
            given = dict(zip((of.name for of in schema.arguments), args, strict=False)) | kwargs
            written = [given[of.name] for of in schema.arguments if of.alias_info and of.alias_info.is_write]
            return written[0] if len(schema.returns) == 1 else None
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and not any(of.alias_info for of in schema.returns):
            # A new tensor: its memory is the same at every replay.
            self._operations.append(lambda: result.copy_(func(*args, **kwargs)))
        return result
