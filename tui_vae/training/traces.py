"""Work for the CPU that is the same every time, traced once: its operations follow each other without Python then.

Before each operation that Python calls, it needs the interpreter's lock, which is also wanted by the thread with the
other part of the batch, by the other models and by the interface; whoever waits for it is asleep while its core has
nothing to do. What has been traced needs the lock once. TorchScript, which does this, is to be given up some day:
where it cannot be had, the same operations are called one by one.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tui_vae.training.graphs import Graphs, Work

_TRACING = threading.Lock()


def traces_for(device: torch.device) -> Graphs | None:
    """Traces where the device is the CPU; nobody needs to be told where torch has no such thing."""
    return Graphs(trace, lambda reason: None) if device.type == "cpu" else None


def trace(work: Work) -> Work:
    """Trace what ``work`` does, which is done more than once meanwhile: it leaves the same when it is repeated.

    Raises:
        RuntimeError: There is nothing to trace with, or what was traced does not leave the same bits.
    """
    if not hasattr(torch.jit, "trace"):
        raise RuntimeError("this torch has no TorchScript")
    places, written = _places(work)

    def done(*of: Tensor) -> Tensor:
        work()
        return of[0]  # what is traced has to give something

    # One at a time: the tracer keeps what it makes for the whole process.
    with _TRACING:
        warnings.filterwarnings("ignore", message=".*torch.jit.trace", category=Warning)
        try:
            traced = torch.jit.trace(done, places, check_trace=False)
        # What it raises where it no longer works is for its makers to choose; training goes on without it.
        except Exception as error:
            raise RuntimeError(f"torch does not trace here: {error}") from error
    left = [tensor.clone() for tensor in written]
    for tensor in written:
        tensor.fill_(float("nan") if tensor.is_floating_point() else 1)
    traced(*places)
    # Operations that the tracer does not know it leaves out, and says nothing.
    if not all(map(torch.equal, written, left)):
        for tensor, was in zip(written, left, strict=True):
            tensor.copy_(was)
        raise RuntimeError("the trace does not do what was traced")

    def replay() -> None:
        traced(*places)

    return replay


def _places(work: Work) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Do some work, and tell the tensors that its operations were given from outside, and which of them they wrote."""
    given: dict[int, tuple[Tensor, int]] = {}
    made: dict[int, Tensor] = {}

    # Not the mode of what is dispatched, which would import the compiler: two seconds.
    class Noting(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            for value in (*args, *kwargs.values()):
                for tensor in _tensors(value):
                    if id(tensor) not in made:
                        given.setdefault(id(tensor), (tensor, tensor._version))
            result = func(*args, **kwargs)
            made.update((id(tensor), tensor) for tensor in _tensors(result) if id(tensor) not in given)
            return result

    with Noting():
        work()
    return (
        tuple(tensor for tensor, _ in given.values()),
        tuple(tensor for tensor, version in given.values() if tensor._version != version),
    )


def _tensors(value: Any) -> list[Tensor]:
    several = value if isinstance(value, (tuple, list)) else [value]
    return [of for of in several if isinstance(of, Tensor)]
