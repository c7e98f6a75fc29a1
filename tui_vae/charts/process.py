"""The process that draws charts: ``python -P -m tui_vae.charts.process DESCRIPTOR``, a socket to the interface.

It loads no torch. It ends when the other end of its socket is closed, also by the death of the process that has it and
also in the middle of a drawing, and leaves nothing behind.

Both ends exchange frames of bytes. Charts are sent as pickles. Pictures come back as JSON: whatever has become of the
process, its answers hold no more than text and numbers.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from tui_vae.charts.description import Colour, CurveChart, Row, Span
from tui_vae.child_process import die_with_parent
from tui_vae.errors import one_line

MOST_BYTES = 1 << 24
"""Most bytes of a frame; a picture that fills the largest screens has a twentieth of it."""

OUT_OF_MEMORY = 7
"""Exit code of a process that has reached its memory limit."""

_LENGTH = struct.Struct("!I")


class GarbageError(Exception):
    """Received bytes are not a frame, or not an answer."""


def send(connection: socket.socket, content: bytes, seconds: float | None = None) -> None:
    """Send a frame.

    Raises:
        OSError: The other end is closed; ``TimeoutError`` if it does not read for ``seconds``.
    """
    connection.settimeout(seconds)
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive(connection: socket.socket, seconds: float | None = None) -> bytes:
    """Receive a frame.

    Raises:
        EOFError: The other end is closed.
        OSError: The same; ``TimeoutError`` if the frame is not complete after ``seconds``.
        GarbageError: The bytes are not a frame.
    """
    end = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, end))
    if length > MOST_BYTES:
        raise GarbageError
    return _exactly(connection, length, end)


def _exactly(connection: socket.socket, count: int, end: float | None) -> bytes:
    content = bytearray()
    while len(content) < count:
        # Read what arrived while this process was stopped, however late it is.
        connection.settimeout(None if end is None else max(0.001, end - time.monotonic()))
        more = connection.recv(count - len(content))
        if not more:
            raise EOFError
        content += more
    return bytes(content)


class Drawn(NamedTuple):
    """The rows of a picture, and the core seconds that drawing took."""

    rows: tuple[Row, ...]
    seconds: float


def encode_picture(rows: Sequence[Row], seconds: float) -> bytes:
    """Encode a picture: its colours once, and for each row the texts with the indices of their colours."""
    numbers: dict[Colour, int] = {}
    lines = []
    for row in rows:
        line: list[str | int] = []
        for text, foreground, background in row:
            line += (
                text,
                numbers.setdefault(foreground, len(numbers)),
                numbers.setdefault(background, len(numbers)),
            )
        lines.append(line)
    answer = {"colours": list(numbers), "rows": lines, "seconds": seconds}
    return json.dumps(answer, ensure_ascii=False).encode()


def encode_failure(reason: str | None) -> bytes:
    """Encode why there is no picture.

    ``None`` says that the process is ready, and then, before each picture, that it begins to draw.
    """
    return json.dumps({"failure": reason}).encode()


def decode(answer: bytes) -> Drawn | str | None:
    """Decode a picture, or the reason why there is none.

    Raises:
        GarbageError: The bytes are not an answer.
    """
    try:
        said = json.loads(answer)
        if "failure" in said:
            return None if said["failure"] is None else str(said["failure"])
        colours = [_colour(colour) for colour in said["colours"]]
        colour = colours.__getitem__
        rows = (
            tuple(map(Span, map(str, line[::3]), map(colour, line[1::3]), map(colour, line[2::3])))
            for line in said["rows"]
        )
        return Drawn(tuple(rows), float(said["seconds"]))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise GarbageError from error


def _colour(said: int | Sequence[int] | None) -> Colour:
    if said is None or isinstance(said, int):
        return said
    red, green, blue = said
    return red, green, blue


_MEMORY = 1 << 29
"""Address space in bytes, four times what drawing needs; a process that needs more would take it from training."""

_SMALL = (8, 4, (0.0, 1.0), (0.0, 1.0))


def main() -> None:
    """Draw one requested chart after the other until the socket is closed."""
    # At normal priority: after a key the user waits for the chart.
    interface = socket.socket(fileno=int(sys.argv[1]))
    charts: SimpleQueue[bytes] = SimpleQueue()
    die_with_parent()
    threading.Thread(target=_receive, args=(interface, charts), name="requests", daemon=True).start()
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # the user's limit is lower, or the system has none
            resource.setrlimit(kind, (most, most))
    from tui_vae.charts.drawing import PlotextMissing, draw  # noqa: PLC0415 - within the limits

    try:
        draw(CurveChart(*_SMALL))  # loads all modules that a chart needs
    except PlotextMissing as error:
        send(interface, encode_failure(str(error)))
        return
    # Exempt loaded modules from collections: they take most of the time of each, which comes after a few charts.
    gc.freeze()
    gc.collect()
    send(interface, encode_failure(None))
    while True:
        request = charts.get()
        send(interface, encode_failure(None))  # a crash from here on may be the fault of the chart
        send(interface, _answer(draw, request))


def _receive(interface: socket.socket, charts: SimpleQueue[bytes]) -> None:
    try:
        while True:
            charts.put(receive(interface))
    except (EOFError, OSError):
        os._exit(0)  # also in the middle of a drawing


def _answer(draw: Callable[[CurveChart], tuple[Row, ...]], request: bytes) -> bytes:
    began = time.process_time()
    try:
        rows = draw(pickle.loads(request))
        return encode_picture(rows, time.process_time() - began)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # a new process will try again
    except Exception as error:
        return encode_failure(f"this chart cannot be drawn ({type(error).__name__}: {one_line(error)})")


if __name__ == "__main__":
    main()
