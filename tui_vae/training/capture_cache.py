"""Work that is the same every time, captured once; on a CUDA device it is one launch then, instead of some thousand.

What is captured are the kernels and the places in memory that they read and write. So such work takes everything that
changes from places on the device which the host fills before, reads nothing back, and asks for no new place that
outlives it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator

import torch

Work = Callable[[], None]
Capture = Callable[[Work], Work]
"""Does some work and gives what does it from then on. Raises RuntimeError where it cannot, with nothing done."""

_CAPTURING = threading.Lock()


class Graphs:
    """Does pieces of work: the first time as they are, the second time captured, from then on replayed.

    The first time everything is made that is made once, such as the places of a size of batch and the kernels
    themselves; it is ordinary work and counts as such. What is met only once is never captured.

    Args:
        capture: How.
        refused: Told the reason, once, when a capture was not possible. All work is done as it is from then on.
    """

    def __init__(self, capture: Capture, refused: Callable[[str], None]) -> None:
        self._capture: Capture | None = capture
        self._refused = refused
        self._met: set[Hashable] = set()
        self._replays: dict[Hashable, Work] = {}

    def do(self, key: Hashable, work: Work) -> None:
        """Do some work, which is the same for the same key."""
        if self._capture and key in self._met and key not in self._replays:
            try:
                self._replays[key] = self._capture(work)
                return
            except RuntimeError as error:
                self._capture = None
                self._refused(" ".join(str(error).split()))
        self._met.add(key)
        self._replays.get(key, work)()


def graphs_for(device: torch.device, refused: Callable[[str], None]) -> Graphs | None:
    """Graphs where the device has such a thing."""
    return Graphs(capture, refused) if device.type == "cuda" else None


def capture(work: Work) -> Work:
    """Capture what ``work`` launches on the calling thread's stream, and launch it.

    The stream is one that :func:`stream_of_its_own` has made.
    Other threads may go on to use the device meanwhile, each with a stream of its own.

    Raises:
        RuntimeError: The work does what no graph can hold, or the device has no memory left for it.
    """
    graph = torch.cuda.CUDAGraph()
    # One at a time is all that torch allows. Its own context manager would first wait for everything on the device,
    # which is the other models' work, and give back memory that they are about to ask for again.
    with _CAPTURING:
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            work()
        except BaseException:
            # That it failed is known already, and better, by what was raised first.
            with contextlib.suppress(RuntimeError):
                graph.capture_end()
            raise
        graph.capture_end()
    graph.replay()
    return graph.replay


@contextlib.contextmanager
def stream_of_its_own(device: torch.device) -> Iterator[None]:
    """A context in which the calling thread's work on a CUDA device waits for no other thread's, nor they for it.

    It begins after what others have brought to the device before, and ends when all of its own is done. On any other
    device it is nothing.
    """
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    with torch.cuda.stream(stream):
        yield
        stream.synchronize()
