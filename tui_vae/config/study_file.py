"""A study file: TOML with the options of a study that are too long for a line.

::

    epochs = 5
    seeds = 3

    [models]
    linear = []
    deep = [512, 256]
    conv = "nets.py:Encoder,Decoder"

    [vary]
    sigma = [0.2, 0.5, "learned"]
    zdim = [8, 32]

Keys are the names of train options without their dashes. What is typed on the command line replaces what is here.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_vae.config.models import ModelSpec
from tui_vae.config.options import option_type, parse_option, path_of, shown
from tui_vae.config.study import Setting, parse_values
from tui_vae.config.training import TrainConfig
from tui_vae.errors import UsageError

_FIELDS = {f.name: f for f in dataclasses.fields(TrainConfig) if f.name != "models"}
_LARGEST = 1_000_000


def read_study_file(name: str) -> tuple[dict[str, Any], dict[str, list[Setting]]]:
    """Read a study file.

    Returns:
        The train options by the names of their fields, and the values of those that vary.

    Raises:
        UsageError: The file cannot be read, is no TOML, or an option in it cannot be used.
    """
    path = Path(path_of(name))
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise UsageError(f"--file {path}: larger than {_LARGEST:,} bytes")
        values = tomllib.loads(content.decode())
    except OSError as error:
        raise UsageError(f"--file {path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # also of bytes that are no UTF-8
        raise UsageError(f"--file {path}: not valid TOML ({error})") from error
    try:
        return _parse(values)
    except UsageError as error:
        raise UsageError(f"--file {path}: {error}") from None


def _parse(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Setting]]]:
    typed: dict[str, Any] = {}
    vary: dict[str, list[Setting]] = {}
    for key, value in values.items():
        field = key.replace("-", "_")
        if key in ("models", "vary"):
            if not isinstance(value, dict):
                raise UsageError(f"{key} is a table, such as [{key}]")
        elif field not in _FIELDS:
            raise UsageError(f"{shown(key)} is not a train option; models belong in [models], what varies in [vary]")
        else:
            typed[field] = _option(field, value)
    if "models" in values:
        typed["models"] = tuple(_model(name, widths) for name, widths in values["models"].items())
    for key, value in values.get("vary", {}).items():
        if not isinstance(value, list):
            raise UsageError(f"vary.{key} is a list of values, such as [0.2, 0.5]")
        vary[key.replace("-", "_")] = parse_values(key.replace("-", "_"), [_text(key, item) for item in value])
    return typed, vary


def _option(field: str, value: Any) -> Any:
    if option_type(_FIELDS[field]) is bool:
        if not isinstance(value, bool):
            raise UsageError(f"{field} is true or false, not {shown(str(value))}")
        return value
    return parse_option(_FIELDS[field], _text(field, value))


def _model(name: str, value: Any) -> ModelSpec:
    if isinstance(value, list):
        value = ",".join(_text(f"models.{name}", width) for width in value)
    if not isinstance(value, str):
        raise UsageError(f"models.{name} is a list of hidden widths, or the text of a file; not {shown(str(value))}")
    return ModelSpec.parse(f"{name}={value}")


def _text(key: str, value: Any) -> str:
    """A value as it would be typed on the command line."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UsageError(f"{key} takes numbers and texts, not {shown(str(value))}")
    return str(value)
