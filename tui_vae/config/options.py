"""The definition of an option, and checks shared by several."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeVar

from tui_vae.codec import convert
from tui_vae.errors import EventError, UsageError

T = TypeVar("T")
AUTO = "auto"


def option(
    default: Any,
    help: str,
    *,
    parse: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    names: tuple[str, ...] = (),
    panel: str = "Training",
    identity: bool = False,
    opposite: str | None = None,
) -> Any:
    """A dataclass field that is also an option of the command line.

    Args:
        default: The value when the option is not given.
        help: One sentence for a stranger.
        parse: Converts the text typed by the user to the value; raises :class:`UsageError`.
        metavar: The placeholder of the value in the help.
        names: Option names, when they are not ``--field-name``.
        panel: The group of the option in the help.
        identity: Whether another value makes another experiment, so that a run cannot be continued with it.
        opposite: The option that turns a stored switch off when a run is continued.
    """
    metadata = {
        "help": help,
        "parse": parse,
        "metavar": metavar,
        "names": names,
        "panel": panel,
        "identity": identity,
        "opposite": opposite,
    }
    return field(default=default, metadata=metadata)


def from_json(kind: type[T], values: Mapping[str, Any]) -> T:
    """The configuration that was stored as ``values``; what was not stored has its default.

    Raises:
        UsageError: A value has another type or is out of range, or an option is unknown to this version.
    """
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(kind)})  # type: ignore[arg-type]
    if unknown:
        raise UsageError(f"the configuration has options unknown to this version: {shown(', '.join(unknown))}")
    try:
        return convert(dict(values), kind)
    except EventError as error:
        raise UsageError(f"the configuration cannot be read: {error}") from error


def option_names(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """The names of a field's option on the command line."""
    return field.metadata["names"] or (f"--{field.name.replace('_', '-')}",)


def option_type(field: dataclasses.Field[Any]) -> type[bool] | type[str] | type[float] | type[int]:
    """The type to which a typed text is converted before ``parse``."""
    if isinstance(field.default, bool) or str(field.type).startswith("bool"):
        return bool
    if field.metadata["parse"] or isinstance(field.default, tuple) or str(field.type).startswith("str"):
        return str
    return float if isinstance(field.default, float) else int


def parse_option(field: dataclasses.Field[Any], text: str) -> Any:
    """Parse the text of one option; any text turns a switch on.

    Raises:
        UsageError: It is not a value of the option.
    """
    if field.metadata["parse"]:
        return field.metadata["parse"](text)
    kind = option_type(field)
    if kind in (bool, str):
        return True if kind is bool else text
    try:
        return kind(text)
    except ValueError:
        whole = "whole " if kind is int else ""
        raise UsageError(f"{option_names(field)[0]} is a {whole}number, not {shown(text)}") from None


def path_of(text: str) -> str:
    """Expand a tilde at the beginning of a path, as a shell does."""
    return os.path.expanduser(text)


def shown(text: str) -> str:
    """Quote user text so that it is safe to print in one line."""
    shown = ascii(text)
    return shown if len(shown) <= 60 else shown[:57] + "…'"


def at_least(config: object, name: str, low: int) -> None:
    value = getattr(config, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise UsageError(f"--{name.replace('_', '-')} is a whole number of at least {low}, not {shown(str(value))}")


def positive(option_name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option_name} is a finite number above 0, not {value:g}")


def not_negative(config: object, name: str) -> None:
    value = getattr(config, name)
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"--{name.replace('_', '-')} is a finite number of at least 0, not {value:g}")


def one_of(option_name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{option_name} is one of {', '.join(allowed)}; got {shown(str(value))}")
