"""The first record of a log: when a run began, and under which name. It is written once and never changes."""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from tui_vae.events import Time
from tui_vae.runs.checksums import line_is_intact
from tui_vae.runs.directory import LOG, RunDirectory
from tui_vae.runs.safe_io import open_regular

MOST_BYTES = 1 << 20
_PIECE = 1 << 12


class Start(msgspec.Struct, frozen=True):
    """What the record says; ``t`` is unix time in seconds."""

    v: Literal[1]
    t: Time
    event: Literal["run_started"]
    name: str


def first_line(run: RunDirectory) -> bytes:
    """The first line of a log, as far as it is read; empty where nothing is logged yet.

    Raises:
        OSError: The log is not there, or cannot be read.
    """
    descriptor = open_regular(f"{run.path}/{LOG}")
    try:
        read = b""
        # Not by a file object, which takes three times as long to make as this to read.
        while b"\n" not in read and len(read) < MOST_BYTES and (more := os.read(descriptor, max(_PIECE, len(read)))):
            read += more
    finally:
        os.close(descriptor)
    return read[: read.find(b"\n") + 1 or MOST_BYTES]


def start_of(line: bytes) -> Start | None:
    """The start of a run that the first line of its log records; ``None`` if it records none."""
    try:
        return _DECODER.decode(line) if line_is_intact(line.rstrip(b"\n")) else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def read_start(run: RunDirectory) -> Start | None:
    """The start of a run; ``None`` while nothing is logged, and where that cannot be read."""
    try:
        return start_of(first_line(run))
    except OSError:
        return None


_DECODER = msgspec.json.Decoder(Start)
