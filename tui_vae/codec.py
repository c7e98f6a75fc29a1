"""Records as JSON values, and back: msgspec with null for a float that is not finite.

JSON has no NaN and no infinity. Both are written as ``null``, which is read back as NaN, or as ``None`` where the field
may be null.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from typing import Any, TypeVar, Union

import msgspec

from tui_vae.errors import EventError

T = TypeVar("T")


def to_builtins(value: Any) -> Any:
    """Convert records, also in lists and dicts, to JSON values; :func:`convert` is the inverse."""
    return _null_for_nan(msgspec.to_builtins(value, str_keys=True, enc_hook=_of_builtin_type))


def convert(value: Any, kind: type[T]) -> T:
    """Convert JSON values to ``kind``, a struct or dataclass; unknown fields are ignored.

    Raises:
        EventError: A value has another type, or a field without a default is missing.
    """
    try:
        return msgspec.convert(_nan_for_null(value, kind), kind)
    except msgspec.ValidationError as error:
        raise EventError(str(error)) from error


def _of_builtin_type(value: Any) -> Any:
    """Convert an instance of a subclass, such as ``numpy.float64``, which msgspec does not accept.

    Raises:
        NotImplementedError: JSON has no such value.
    """
    base: Any = next((base for base in (str, int, float, dict, tuple, list) if isinstance(value, base)), None)
    if base is None:
        raise NotImplementedError(f"{type(value).__name__} is not a JSON value")
    return base(value)


def _null_for_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _null_for_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_null_for_nan(item) for item in value]
    return value


def _nan_for_null(value: Any, kind: Any) -> Any:
    """Replace null by NaN where ``kind`` is a float that may not be null."""
    if value is None:
        return math.nan if kind is float else None
    if typing.get_origin(kind) in (types.UnionType, Union):
        kind = next(option for option in typing.get_args(kind) if option is not types.NoneType)
    if isinstance(value, dict) and isinstance(kind, type):
        types_of_fields = _field_types(kind)
        return {name: _nan_for_null(item, types_of_fields.get(name)) for name, item in value.items()}
    if isinstance(value, dict) and typing.get_origin(kind) is dict:
        return {name: _nan_for_null(item, typing.get_args(kind)[1]) for name, item in value.items()}
    if isinstance(value, list) and typing.get_origin(kind) is tuple:
        return [_nan_for_null(item, typing.get_args(kind)[0]) for item in value]
    return value


@functools.cache
def _field_types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
