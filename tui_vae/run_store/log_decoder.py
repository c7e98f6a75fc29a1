"""Decode the lines of a log: fast, and tolerant of any content.

The kinds of event that a log has many of are decoded by msgspec directly, from lines of ASCII that begin as
:func:`tui_vae.events.encode` writes them. Every other line is left to :func:`tui_vae.events.decode`, which accepts all
that msgspec accepts of these, and more. Of other lines it accepts less: msgspec does not check names of unknown fields.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tui_vae.errors import EventError, UnknownEventError
from tui_vae.events import SCHEMA_VERSION, Checkpoint, Epoch, Event, Progress, Samples, State, Time, decode
from tui_vae.run_store.checksums import line_is_intact, lines_are_intact
from tui_vae.run_store.directory import LOG, RunDirectory
from tui_vae.run_store.files import open_regular

_MOST_FIRST_LINE = 1 << 20
_FIRST_READ = 1 << 12

_HEAD = b'{"v":%d,"t":' % SCHEMA_VERSION
"""The two fields that events do not require when they are constructed, but lines do."""

_HEAD_CODES = np.frombuffer(_HEAD, np.uint8)
_FREQUENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Progress | Epoch | Samples | Checkpoint | State)


def decode_block(block: bytes) -> tuple[list[Event], int]:
    """Decode the lines of ``block``, each with its end, as :func:`decode_lines` does; faster where all are good."""
    try:
        events = _FREQUENT.decode_lines(block) if block.isascii() else []
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    else:
        codes = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(codes == ord("\n"))
        if _each_is_a_line(len(events), codes, ends) and lines_are_intact(block, ends):
            return events, 0
    return decode_lines(block.split(b"\n")[:-1])


def decode_lines(lines: list[bytes]) -> tuple[list[Event], int]:
    """The events of those lines that hold one, in order, and the number of unreadable lines.

    A line whose checksum is wrong is unreadable. An event of a kind that a later version has added is skipped and not
    counted.
    """
    events: list[Event] = []
    unreadable = 0
    for line in lines:
        try:
            events.append(decode_line(line))
        except UnknownEventError:
            pass
        except EventError:
            unreadable += 1
    return events, unreadable


def decode_line(line: bytes) -> Event:
    """The event of one line of a log.

    Raises:
        EventError: The checksum is wrong, or :func:`tui_vae.events.decode` refuses the line.
    """
    if not line_is_intact(line.rstrip(b"\n")):
        raise EventError("the line is not as it was written")
    if line.startswith(_HEAD) and line.isascii():
        try:
            return _FREQUENT.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return decode(line)


def _each_is_a_line(objects: int, codes: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp]) -> bool:
    """Whether each of the JSON objects of which a block consists is a line that begins with ``_HEAD``.

    Within an object there is no ``}`` followed by a line end and ``{``, not even in a string. So if there are as many
    line ends as objects and all stand like this, each is between two objects, but for the last.

    Args:
        objects: Their number, at least one for each line.
        codes: The bytes of the block.
        ends: The positions of the line ends.
    """
    if len(ends) == 0 or len(ends) != objects or ends[-1] != len(codes) - 1:
        return False
    begins = np.concatenate(([0], ends[:-1] + 1))
    if (ends - begins).min() < len(_HEAD):
        return False
    heads = codes[begins[:, None] + np.arange(len(_HEAD))]
    return bool((codes[ends - 1] == ord("}")).all() and (heads == _HEAD_CODES).all())


class Start(msgspec.Struct, frozen=True):
    """What the first record of a log says that never changes; ``t`` is unix time in seconds."""

    v: Literal[1]
    t: Time
    event: Literal["run_started"]
    name: str


_START = msgspec.json.Decoder(Start)


def read_start(run: RunDirectory) -> Start | None:
    """The start of a run; ``None`` while nothing is logged, and where that cannot be read."""
    try:
        line = first_line(run)
        return _START.decode(line.decode()) if line_is_intact(line.rstrip(b"\n")) else None
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def first_line(run: RunDirectory) -> bytes:
    """The first line of a log, up to a bound; empty where nothing is logged yet.

    Raises:
        OSError: The log is not there, or cannot be read.
    """
    descriptor = open_regular(f"{run.path}/{LOG}")
    read = b""
    try:
        # Without a file object, whose construction takes three times as long as this read.
        while b"\n" not in read and len(read) < _MOST_FIRST_LINE:
            more = os.read(descriptor, max(_FIRST_READ, len(read)))
            if not more:
                break
            read += more
    finally:
        os.close(descriptor)
    return read[: read.find(b"\n") + 1 or _MOST_FIRST_LINE]
