"""Lines of a log into events: tolerant of whatever a line may hold, and fast where there are many.

The kinds of which a log has many are decoded by msgspec into rows, derived from the very fields of the events. It
takes only what :func:`tui_vae.events.decode` takes and leaves the rest to it: a line is an event if that says so, and
if what it holds cannot hurt whoever keeps or shows it.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from typing import Annotated, Any, Literal, Union

import msgspec
import numpy as np
import numpy.typing as npt

from tui_vae.errors import EventError
from tui_vae.events import SCHEMA_VERSION, Checkpoint, Epoch, Event, Progress, Samples, State, decode, encode
from tui_vae.runs.checksums import line_is_intact, lines_are_intact

MOST_TEXT = 4096
"""Characters of a text; what goes beyond is cut off."""

LARGEST_INT = 2**53
"""No count comes near, and every integer up to here is a float too."""

LATEST_TIME = 253_402_300_799.0
"""The end of the year 9999, after which no calendar can tell the date."""

_MOST_DEPTH = 32

Row = Any
"""An event, or a struct with the fields of one: see :func:`event_of`."""


def decode_block(block: bytes) -> tuple[list[Row], int]:
    """What :func:`decode_lines` says of the lines of ``block``, each with its end; faster where all are good."""
    try:
        rows: list[Row] = _FAST.decode_lines(block)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    else:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        if _fill_a_line_each(len(rows), block, ends) and lines_are_intact(block, ends):
            return rows, 0
    return decode_lines(block.split(b"\n")[:-1])


def decode_lines(lines: list[bytes]) -> tuple[list[Row], int]:
    """A row for each line that is an event, in order, and the number of lines that are none.

    A line that is not as it was written is none. A kind of event that a later version has added is passed over and not
    counted.
    """
    rows: list[Row] = []
    intact = list(filter(line_is_intact, lines))
    passed, unreadable = 0, len(lines) - len(intact)
    remaining = map(_FAST.decode, intact)
    while True:
        try:
            # Goes on behind the line that was refused, with the rows before it in place.
            rows.extend(remaining)
            return rows, unreadable
        except (msgspec.MsgspecError, ValueError, RecursionError):
            line = intact[len(rows) + passed]
        try:
            event = _bounded_event(decode(line))
            rows.append(PROGRESS(v=SCHEMA_VERSION, **vars(event)) if isinstance(event, Progress) else event)
        except (EventError, RecursionError):
            passed += 1
            unreadable += not _is_of_another_kind(line)


def event_of(row: Row) -> Event:
    """The event that a row stands for."""
    if isinstance(row, Event):
        return row
    event: Event = msgspec.convert(row, _KIND_OF[type(row)], from_attributes=True)
    return event


def line_of(row: Row) -> bytes:
    """A line, without its end, that is decoded to ``row``. What is not finite becomes ``null``."""
    return encode(row).encode() if isinstance(row, Event) else _ENCODER.encode(row)


def decode_line(line: bytes) -> Event:
    """The event of one line of a log.

    Raises:
        EventError: The line is not as it was written, or :func:`tui_vae.events.decode` refuses it.
    """
    if not line_is_intact(line.rstrip(b"\n")):
        raise EventError("the line is not as it was written")
    return decode(line)


def _fill_a_line_each(objects: int, block: bytes, ends: npt.NDArray[np.intp]) -> bool:
    """Whether each of the JSON objects that ``block`` is known to consist of is a line without anything around it.

    Within an object there is no ``}`` followed by a line end and ``{``, not even in a string. So if there are as many
    line ends as objects and all stand like this, each is between two objects, but for the last.
    """
    characters = np.frombuffer(block, np.uint8)
    return (
        len(ends) == objects
        and block.startswith(b"{")
        and block.endswith(b"\n")
        and bool((characters[ends - 1] == ord("}")).all() and (characters[ends[:-1] + 1] == ord("{")).all())
    )


def _is_of_another_kind(line: bytes) -> bool:
    """Whether this is an event of this schema, but of no kind known here."""
    try:
        return _ANY_KIND.decode(line).event not in _KINDS
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _bounded_event(event: Event) -> Event:
    """The event with bounds on all it holds.

    Raises:
        EventError: A number or the depth is beyond them.
    """
    if not 0 <= event.t <= LATEST_TIME:
        raise EventError(f"t: {event.t} is no time")
    bounded: Event = _bounded(event, 0)
    return bounded


def _bounded(value: Any, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise EventError("nested too deeply")
    if isinstance(value, str):
        # Half of a surrogate pair, which JSON can express, could not be written to any terminal.
        return value[:MOST_TEXT].encode(errors="replace").decode()
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        raise EventError("number out of range")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _bounded(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, (list, tuple)):
        return type(value)(_bounded(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return {_bounded(key, depth + 1): _bounded(item, depth + 1) for key, item in value.items()}
    return value


def _row_type(kind: type[Event]) -> type[msgspec.Struct]:
    """A struct of the fields of ``kind`` that is told by its tag in a line, and refuses what is out of bounds."""
    time = Annotated[float, msgspec.Meta(ge=0, le=LATEST_TIME)]
    fields = {"v": Literal[SCHEMA_VERSION], **_bounded_fields(kind), "t": time}
    return msgspec.defstruct(kind.__name__, list(fields.items()), tag_field="event", tag=kind.event, gc=False)


def _bounded_fields(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {f.name: _bounded_type(hints[f.name]) for f in dataclasses.fields(kind)}


def _bounded_type(hint: Any) -> Any:
    if hint is int:
        return Annotated[int, msgspec.Meta(ge=-LARGEST_INT, le=LARGEST_INT)]
    if hint is str:
        return Annotated[str, msgspec.Meta(max_length=MOST_TEXT)]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return msgspec.defstruct(hint.__name__, list(_bounded_fields(hint).items()), gc=False)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return tuple[_bounded_type(arguments[0]), ...]  # type: ignore[misc]  # a type made at run time
    if origin in (types.UnionType, Union):
        return functools.reduce(operator.or_, map(_bounded_type, arguments))
    return hint


class _AnyKind(msgspec.Struct):
    v: Literal[1]
    event: str


_KIND_OF = {_row_type(kind): kind for kind in (Progress, Epoch, Samples, Checkpoint, State)}
_FAST = msgspec.json.Decoder(functools.reduce(operator.or_, _KIND_OF))
_ENCODER = msgspec.json.Encoder()
_ANY_KIND = msgspec.json.Decoder(_AnyKind)
_KINDS = {kind.event for kind in Event.__subclasses__()}

PROGRESS: Any = next(row for row, kind in _KIND_OF.items() if kind is Progress)
"""The type of the rows that are progress."""
