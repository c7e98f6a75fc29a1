"""Traces of work on the CPU by TorchScript; nothing else in the program uses ``torch.jit``.

Before each operation, Python needs the interpreter's lock, which the other threads of a step, the other models and the
interface want too; a thread that waits for it leaves its core idle. A trace needs the lock once.

TorchScript is deprecated: its documentation says so since torch 2.5, ``torch.jit.trace`` and ``torch.jit.script`` warn
of it from 2.10 on, and the announcement of 2.11 names ``torch.export`` as the successor. No release that drops it has
been named (pytorch/pytorch#177239; 2.14 still has it). From that release on, :func:`trace` and :func:`scripted` find
nothing to trace with, and every operation is called one by one, with the same bits; the tests train so.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, handle_torch_function, has_torch_function

from tui_vae.training.step import Capture, Work

_LARGEST = 128 * 2**20
"""Maximum bytes that traced work may write: they are copied twice to check the trace, and larger work has little to
gain."""

_TRACING = threading.Lock()
"""The tracer keeps its state for the whole process."""


def tracer(device: torch.device) -> Capture | None:
    """Return :func:`trace` if the device is the CPU."""
    return trace if device.type == "cpu" else None


def trace(work: Work) -> Work:
    """Run work that has run before, and return its trace, or the work itself if it cannot be traced.

    Raises:
        RuntimeError: This torch has no TorchScript; nothing was run.
    """
    if not _has("trace"):
        raise RuntimeError("this torch has no TorchScript")
    calls = record(work)
    if sum(tensor.nbytes for tensor in calls.written) > _LARGEST:
        return work

    def repeat(*read: Tensor) -> tuple[Tensor, ...]:
        work()
        # The tracer drops what does not lead to an output, and wants at least one.
        return calls.returned or read[:1]

    with _restored(calls.written) as restore:
        with _TRACING:
            _ignore_deprecation()
            try:
                traced = torch.jit.trace(repeat, calls.read, check_trace=False)
            except Exception:  # of any type once it is no longer maintained; training continues without the trace
                return work
        replay = _Replay(traced, calls.read, _held_by_torch(calls.read))
        expected = [tensor.clone() for tensor in calls.written]
        restore()
        replay()
        # The tracer leaves out operations that it does not know, and says nothing.
        if not all(map(torch.equal, calls.written, expected)):
            return work
    return replay


@dataclass(frozen=True)
class _Replay:
    """Runs a trace.

    Attributes:
        traced: The trace.
        read: Its arguments.
        held: The same tensors, held by torch. Without it, each operation takes Python's lock to count references to a
            tensor that only Python holds: a dozen times a step.
    """

    traced: Callable[..., object]
    read: tuple[Tensor, ...]
    held: object

    def __call__(self) -> None:
        # Without optimisation, which takes as long as hundreds of steps and gains nothing here.
        with torch.jit.optimized_execution(False):
            self.traced(*self.read)


def _held_by_torch(tensors: Sequence[Tensor]) -> object:
    """Return an object of TorchScript that refers to the tensors, or ``None``: slower, but right."""
    with contextlib.suppress(Exception):
        return torch.jit.script(list(tensors))
    return None


@dataclass(frozen=True)
class RecordedCalls:
    """The tensors that some work used.

    Attributes:
        read: The tensors from outside that its operations were called with.
        written: Those of them that were written.
        returned: Those of them that functions made by :func:`scripted` returned.
    """

    read: tuple[Tensor, ...]
    written: tuple[Tensor, ...]
    returned: tuple[Tensor, ...]


def record(work: Work) -> RecordedCalls:
    """Run some work and record the tensors that it uses."""
    read: dict[int, tuple[Tensor, int]] = {}
    made: dict[int, Tensor] = {}
    returned: dict[int, Tensor] = {}

    # Not TorchDispatchMode, whose import takes two seconds for the compiler.
    class Recorder(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            kwargs = kwargs or {}
            for value in (*args, *kwargs.values()):
                for tensor in _tensors(value):
                    if id(tensor) not in made:
                        read.setdefault(id(tensor), (tensor, tensor._version))
            result = func(*args, **kwargs)
            made.update((id(tensor), tensor) for tensor in _tensors(result) if id(tensor) not in read)
            if getattr(func, "__module__", "") == __name__:
                returned[id(result)] = result
            return result

    with Recorder():
        work()
    return RecordedCalls(
        read=tuple(tensor for tensor, _ in read.values()),
        written=tuple(tensor for tensor, version in read.values() if tensor._version != version),
        returned=tuple(returned.values()),
    )


def scripted(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the function compiled by TorchScript, so that a trace keeps operations that the tracer does not know.

    The function returns one of its arguments, which it writes. Without TorchScript it is called as it is.
    """
    compiled = function
    if _has("script"):
        _ignore_deprecation()
        with contextlib.suppress(Exception):  # also where the source is not installed
            compiled = torch.jit.script(function)

    def call(*tensors: Tensor) -> Tensor:
        if has_torch_function(tensors):
            result: Tensor = handle_torch_function(call, tensors, *tensors)
            return result
        return compiled(*tensors)

    return call


@contextlib.contextmanager
def _restored(tensors: Sequence[Tensor]) -> Iterator[Work]:
    """A context that gives the tensors back their values at its end, and whenever the yielded function is called."""
    originals = [tensor.clone() for tensor in tensors]

    def restore() -> None:
        for tensor, original in zip(tensors, originals, strict=True):
            tensor.copy_(original)

    try:
        yield restore
    finally:
        restore()


def _has(name: str) -> bool:
    return hasattr(getattr(torch, "jit", None), name)


def _ignore_deprecation() -> None:
    """Silence torch's warnings that TorchScript is deprecated and that a trace fixes shapes."""
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.(trace|script)", category=Warning)
    warnings.filterwarnings("ignore", message=".*to get tensor shape might cause the trace", category=Warning)


def _tensors(value: Any) -> list[Tensor]:
    values = value if isinstance(value, (tuple, list)) else [value]
    return [item for item in values if isinstance(item, Tensor)]
