"""Dataclasses as plain values of JSON, and back, checked by the types of their fields.

JSON has no NaN and no infinity: a float that is not finite is written as ``null`` and read back as NaN, or as ``None``
where the field may be null.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from typing import Any, Literal

from tui_vae.errors import EventError

ADDED_LATER = "added later"
"""Marks a field that records of the same version may lack, written before it was there."""


def plain(value: Any) -> Any:
    """``value``, a dataclass or made of such, as values of JSON; :func:`typed` is its inverse."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Name, annotated type, and whether a record may leave it out, of each field."""
    hints = typing.get_type_hints(kind)
    return tuple((f.name, hints[f.name], ADDED_LATER in f.metadata) for f in dataclasses.fields(kind))


def typed(value: Any, kind: Any, where: str) -> Any:
    """``value`` of JSON as the annotated type ``kind``.

    Raises:
        EventError: It is of another type; the message names it by ``where``.
    """
    if kind is Any:
        return value
    if kind in (float, int, str, bool):
        return _scalar(value, kind, where)
    if dataclasses.is_dataclass(kind):
        return _record(value, kind, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        literal = next((a for a in arguments if typing.get_origin(a) is Literal and isinstance(value, str)), None)
        return typed(value, literal or arguments[0], where)
    if origin is Literal and isinstance(value, str) and value in arguments:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(typed(item, arguments[0], where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: typed(item, arguments[1], where) for key, item in value.items()}
    raise EventError(f"{where}: unexpected {type(value).__name__}")


def _scalar(value: Any, kind: type, where: str) -> Any:
    if kind is float and value is None:
        return math.nan
    allowed = (int, float) if kind is float else (kind,)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, allowed):
        raise EventError(f"{where}: unexpected {type(value).__name__}")
    try:
        return kind(value)
    except OverflowError:
        raise EventError(f"{where}: number out of range") from None


def _record(value: Any, kind: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise EventError(f"{where}: expected an object")
    fields: dict[str, Any] = {}
    for name, hint, optional in _fields(kind):
        if name in value:
            fields[name] = typed(value[name], hint, f"{where}.{name}")
        elif not optional:
            raise EventError(f"{where}: {name} is missing")
    return kind(**fields)
