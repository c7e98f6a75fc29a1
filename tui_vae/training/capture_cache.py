"""Work that is the same every time, captured once: on a CUDA device, one launch instead of some thousand.

A CUDA graph holds kernels and the addresses that they read and write. So captured work reads everything that changes
from tensors that the host fills before, reads nothing back, and allocates nothing that outlives it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator

import torch

from tui_vae.training.step import Capture, Work

_CAPTURING = threading.Lock()


class CaptureCache:
    """Runs pieces of work: the first time as they are, the second time captured, from then on replayed.

    The first run allocates what is allocated once, such as the tensors of a batch size and the kernels themselves; it
    is ordinary work and counts as such. Work that comes up only once is never captured.

    Args:
        capture: Captures a piece of work.
        on_capture_failed: Called with the reason, once, if a capture fails. All work runs as it is from then on.
    """

    def __init__(self, capture: Capture, on_capture_failed: Callable[[str], None] | None = None) -> None:
        self._capture: Capture | None = capture
        self._on_capture_failed = on_capture_failed
        self._seen: set[Hashable] = set()
        self._replays: dict[Hashable, Work] = {}

    def run(self, key: Hashable, work: Work) -> None:
        """Run some work, which is the same for the same key."""
        if self._capture and key in self._seen and key not in self._replays:
            try:
                self._replays[key] = self._capture(work)
                return
            except RuntimeError as error:
                self._capture = None
                if self._on_capture_failed is not None:
                    self._on_capture_failed(" ".join(str(error).split()))
        self._seen.add(key)
        self._replays.get(key, work)()


def graphs_for(device: torch.device, on_capture_failed: Callable[[str], None]) -> CaptureCache | None:
    """Return a cache of CUDA graphs if the device has them."""
    return CaptureCache(capture, on_capture_failed) if device.type == "cuda" else None


def capture(work: Work) -> Work:
    """Capture what ``work`` launches on the calling thread's stream as a CUDA graph, and launch that.

    The stream is one of :func:`own_stream`. Other threads may use the device meanwhile, each with its own stream.

    Raises:
        RuntimeError: A graph cannot hold the work, or the device has no memory left for it.
    """
    graph = torch.cuda.CUDAGraph()
    # torch allows one capture at a time. Its own context manager would first wait for everything on the device, which
    # is the other models' work, and free memory that they are about to allocate again.
    with _CAPTURING:
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            work()
        except BaseException:
            # The first error says more than the failed end of the capture.
            with contextlib.suppress(RuntimeError):
                graph.capture_end()
            raise
        graph.capture_end()
    graph.replay()
    return graph.replay


@contextlib.contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """A context in which the calling thread has a CUDA stream of its own, so that models do not wait for each other.

    It starts after what others have copied to the device before, and ends when its own work is done. On other devices
    it does nothing.
    """
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.default_stream(device))
    with torch.cuda.stream(stream):
        yield
        stream.synchronize()
