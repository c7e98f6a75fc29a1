"""What the interface and the process that draws say to each other, over a socket, as frames of bytes.

Charts go there as pickles. Pictures come back as JSON: whatever has become of the process, what it says is no more than
text and numbers.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import NamedTuple

from tui_vae.charts.description import Colour, Row, Span

MOST_BYTES = 1 << 24
"""Of a frame; a picture that fills the largest screens has a twentieth of it."""

OUT_OF_MEMORY = 7
"""The exit code of a process that has come to its limit."""

_LENGTH = struct.Struct("!I")


class GarbageError(Exception):
    """What came is no frame, or no answer."""


def send(connection: socket.socket, content: bytes, seconds: float | None = None) -> None:
    """Send a frame.

    Raises:
        OSError: The other end is gone; ``TimeoutError`` when it takes nothing for so many ``seconds``.
    """
    connection.settimeout(seconds)
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive(connection: socket.socket, seconds: float | None = None) -> bytes:
    """Receive a frame.

    Raises:
        EOFError: The other end is gone.
        OSError: The same; ``TimeoutError`` when the frame is not complete after so many ``seconds``.
        GarbageError: What came is no frame.
    """
    end = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, end))
    if length > MOST_BYTES:
        raise GarbageError
    return _exactly(connection, length, end)


def _exactly(connection: socket.socket, count: int, end: float | None) -> bytes:
    content = bytearray()
    while len(content) < count:
        # What has come while this process was stopped is taken, however late it is.
        connection.settimeout(None if end is None else max(0.001, end - time.monotonic()))
        more = connection.recv(count - len(content))
        if not more:
            raise EOFError
        content += more
    return bytes(content)


class Drawn(NamedTuple):
    """The rows of a picture, and the seconds of a core that it took."""

    rows: tuple[Row, ...]
    seconds: float


def encode_picture(rows: Sequence[Row], seconds: float) -> bytes:
    """An answer that holds a picture: its colours once, and of each row texts with the numbers of their colours."""
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
    """An answer that says why there is no picture; the first of a process says why there can be none, if so."""
    return json.dumps({"failure": reason}).encode()


def decode(answer: bytes) -> Drawn | str | None:
    """A picture, or why there is none.

    Raises:
        GarbageError: It is no answer.
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
