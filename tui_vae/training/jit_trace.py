"""Work for the CPU that is the same every time, traced once: its operations follow each other without Python then.

Before each operation that Python calls, it needs the interpreter's lock, which is also wanted by the thread with the
other part of the batch, by the other models and by the interface; whoever waits for it is asleep while its core has
nothing to do. What has been traced needs the lock once. TorchScript, which does this, is to be given up some day:
where it cannot be had, the same operations are called one by one.
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

from tui_vae.training.capture_cache import Graphs, Work

_LARGEST = 128 * 2**20
"""Bytes that traced work may write: while it is held against itself, they are kept twice more. Work that writes so much
has little to gain."""

_TRACING = threading.Lock()


def traces_for(device: torch.device) -> Graphs | None:
    """Traces where the device is the CPU; nobody needs to be told where torch has no such thing."""
    return Graphs(trace, lambda reason: None) if device.type == "cpu" else None


def trace(work: Work) -> Work:
    """Do some work that was done before, and give what does it from then on: a trace, or else the work itself.

    Raises:
        RuntimeError: There is nothing to trace with; nothing was done.
    """
    if not hasattr(torch.jit, "trace"):
        raise RuntimeError("this torch has no TorchScript")
    noted = note(work)
    if sum(tensor.nbytes for tensor in noted.written) > _LARGEST:
        return work

    def again(*given: Tensor) -> tuple[Tensor, ...]:
        work()
        # It has to give something, and what it does not give of these, the tracer takes for what nobody needs.
        return noted.given_back or given[:1]

    with _left_as_they_are(noted.written) as bring_back:
        # One at a time: the tracer keeps what it makes for the whole process.
        with _TRACING:
            _say_nothing_of_it()
            try:
                traced = torch.jit.trace(again, noted.given, check_trace=False)
            # What it raises where it no longer works is for its makers to choose; training goes on without it.
            except Exception:
                return work
        replay = _Replay(traced, noted.given, _held_by_torch(noted.given))
        left = [tensor.clone() for tensor in noted.written]
        bring_back()
        replay()
        # Operations that the tracer does not know it leaves out, and says nothing.
        if not all(map(torch.equal, noted.written, left)):
            return work
    return replay


@dataclass(frozen=True)
class _Replay:
    """Does traced work.

    Attributes:
        traced: The trace.
        given: The tensors that it is given.
        held: The same, held by torch. Of a tensor that only Python holds, it asks for Python's lock whenever an
            operation takes it up or puts it down, to count that there: a dozen times a step.
    """

    traced: Callable[..., object]
    given: tuple[Tensor, ...]
    held: object

    def __call__(self) -> None:
        # As it was traced: to look for a better order takes as long as hundreds of steps, and gains nothing here.
        with torch.jit.optimized_execution(False):
            self.traced(*self.given)


def _held_by_torch(tensors: Sequence[Tensor]) -> object:
    """What keeps them on torch's side for as long as it is kept."""
    # Without it, everything is as it was but slower.
    with contextlib.suppress(Exception):
        return torch.jit.script(list(tensors))
    return None


@dataclass(frozen=True)
class RecordedCalls:
    """What some work was seen to do.

    Attributes:
        given: The tensors that its operations were given from outside.
        written: Those of them that were written.
        given_back: Those of them that functions made :func:`scripted` gave.
    """

    given: tuple[Tensor, ...]
    written: tuple[Tensor, ...]
    given_back: tuple[Tensor, ...]


def note(work: Work) -> RecordedCalls:
    """Do some work, and see on what."""
    given: dict[int, tuple[Tensor, int]] = {}
    made: dict[int, Tensor] = {}
    given_back: dict[int, Tensor] = {}

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
            if getattr(func, "__module__", "") == __name__:
                given_back[id(result)] = result
            return result

    with Noting():
        work()
    return RecordedCalls(
        given=tuple(tensor for tensor, _ in given.values()),
        written=tuple(tensor for tensor, version in given.values() if tensor._version != version),
        given_back=tuple(given_back.values()),
    )


def scripted(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, which the tracer notes down as one operation: there are some that only TorchScript knows.

    It gives one of the tensors that it is given and writes.
    """
    scripted = function
    if hasattr(torch.jit, "script"):
        # As with the tracer; it also wants to read the source, which not every installation has.
        _say_nothing_of_it()
        with contextlib.suppress(Exception):
            scripted = torch.jit.script(function)

    def call(*tensors: Tensor) -> Tensor:
        if has_torch_function(tensors):
            told: Tensor = handle_torch_function(call, tensors, *tensors)
            return told
        return scripted(*tensors)

    return call


@contextlib.contextmanager
def _left_as_they_are(tensors: Sequence[Tensor]) -> Iterator[Work]:
    """A context that brings them back to what they are now, at its end and when it asks for that."""
    were = [tensor.clone() for tensor in tensors]

    def bring_back() -> None:
        for tensor, was in zip(tensors, were, strict=True):
            tensor.copy_(was)

    try:
        yield bring_back
    finally:
        bring_back()


def _say_nothing_of_it() -> None:
    """From now on, torch does not warn that TorchScript is to be given up, and that shapes are taken for fixed."""
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.(trace|script)", category=Warning)
    warnings.filterwarnings("ignore", message=".*to get tensor shape might cause the trace", category=Warning)


def _tensors(value: Any) -> list[Tensor]:
    several = value if isinstance(value, (tuple, list)) else [value]
    return [of for of in several if isinstance(of, Tensor)]
