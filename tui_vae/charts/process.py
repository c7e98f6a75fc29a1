"""The process that draws charts: ``python -P -m tui_vae.charts.process DESCRIPTOR``, a socket to whoever wants them.

It loads no torch. It ends when the other end of its socket is closed, also by the death of the process that has it and
also in the middle of a drawing, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from tui_vae.charts.description import CurveChart, Row
from tui_vae.charts.protocol import OUT_OF_MEMORY, encode_failure, encode_picture, receive, send
from tui_vae.child_process import die_with_parent
from tui_vae.errors import one_line

_MEMORY = 1 << 29
"""Bytes of addresses, four times what a drawing needs; a process in want of more would take it from training."""

_SMALL = (8, 4, (0.0, 1.0), (0.0, 1.0))


def main() -> None:
    """Draw what is asked for, one chart after the other, as long as somebody may ask."""
    # At the priority of any other process: whoever has pressed a key waits for what is drawn.
    interface = socket.socket(fileno=int(sys.argv[1]))
    charts: SimpleQueue[bytes] = SimpleQueue()
    die_with_parent()
    threading.Thread(target=_receive, args=(interface, charts), name="requests", daemon=True).start()
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # the user's own limit is lower, or the system knows none
            resource.setrlimit(kind, (most, most))
    from tui_vae.charts.drawing import PlotextMissing, draw  # noqa: PLC0415 - within the limits

    try:
        draw(CurveChart(*_SMALL))  # loads all that a chart needs
    except PlotextMissing as error:
        send(interface, encode_failure(str(error)))
        return
    # Python looks at everything once what is new is a quarter of it: without what is loaded, soon after some drawings.
    gc.freeze()
    gc.collect()
    send(interface, encode_failure(None))
    while True:
        send(interface, _answer(draw, charts.get()))


def _receive(interface: socket.socket, charts: SimpleQueue[bytes]) -> None:
    try:
        while True:
            charts.put(receive(interface))
    except (EOFError, OSError):
        os._exit(0)  # whatever is being drawn


def _answer(draw: Callable[[CurveChart], tuple[Row, ...]], request: bytes) -> bytes:
    began = time.process_time()
    try:
        rows = draw(pickle.loads(request))
        return encode_picture(rows, time.process_time() - began)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # and leave it to a process that has some
    except Exception as error:
        return encode_failure(f"this chart cannot be drawn ({type(error).__name__}: {one_line(error)})")


if __name__ == "__main__":
    main()
