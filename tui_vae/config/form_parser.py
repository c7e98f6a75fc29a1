"""Parse a form with a text field for each option into a configuration, or the problems of its fields."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui_vae.config.display import StoreConfig
from tui_vae.config.models import ModelSpec
from tui_vae.config.options import option_names, option_type, parse_option, shown
from tui_vae.config.training import TrainConfig
from tui_vae.errors import UsageError

_CONFIGS: tuple[type[Any], ...] = (TrainConfig, StoreConfig)
_NOT_OF_A_NEW_RUN = ("runs_dir", "resume", "trust")

_FIELDS = [f for config in _CONFIGS for f in dataclasses.fields(config) if f.name not in _NOT_OF_A_NEW_RUN]
PANELS: tuple[str, ...] = tuple(dict.fromkeys(f.metadata["panel"] for f in _FIELDS))
FIELDS: dict[str, dataclasses.Field[Any]] = {
    f.name: f for f in sorted(_FIELDS, key=lambda f: PANELS.index(f.metadata["panel"]))
}
"""The options of a new run by the names of their fields, grouped by panel."""


@dataclass(frozen=True)
class ParsedForm:
    """The result of parsing a form.

    Attributes:
        problems: Messages by field; that of a combination, which belongs to no field, is under the empty name.
        train: The configuration, unless there are problems.
        arguments: The options that differ from the default, as on a command line.
    """

    problems: Mapping[str, str] = field(default_factory=dict)
    train: TrainConfig | None = None
    arguments: tuple[str, ...] = ()


def is_switch(f: dataclasses.Field[Any]) -> bool:
    return option_type(f) is bool


def default_text(f: dataclasses.Field[Any]) -> str:
    """The text of the default; empty where no text can express it."""
    if f.name == "models":
        return _model_texts(TrainConfig().models)
    if f.default is None:
        return ""
    return f"{f.default:g}" if isinstance(f.default, float) else str(f.default)


def parse_form(texts: Mapping[str, str]) -> ParsedForm:
    """Parse the texts of a form with the checks of the configurations themselves.

    Args:
        texts: By field; a missing or blank text is the default, and any text turns a switch on.
    """
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if not text.strip():
            continue
        try:
            value = _value(FIELDS[name], text.strip())
            _owner(name)(**{name: value})
        except UsageError as error:
            problems[name] = str(error)
        else:
            values[name] = value
    if problems:
        return ParsedForm(problems)
    try:
        train, store = (
            config(**{name: value for name, value in values.items() if _owner(name) is config}) for config in _CONFIGS
        )
    except UsageError as error:
        return ParsedForm({_named_by(str(error)): str(error)})
    assert isinstance(train, TrainConfig)
    assert isinstance(store, StoreConfig)
    return ParsedForm({}, train, _arguments(values, texts))


def _value(f: dataclasses.Field[Any], text: str) -> Any:
    """Parse the text of an option.

    Raises:
        UsageError: It is not a value of the option.
    """
    if f.name == "models":
        try:
            return tuple(ModelSpec.parse(part) for part in shlex.split(text))
        except ValueError:
            raise UsageError(f"{option_names(f)[0]}: a quotation has no end in {shown(text)}") from None
    return parse_option(f, text)


def _owner(name: str) -> type[Any]:
    return next(config for config in _CONFIGS if name in config.__dataclass_fields__)


def _named_by(message: str) -> str:
    """The field whose option begins a message, or the empty name."""
    word = message.split(" ", 1)[0].rstrip(":")
    return next((name for name, f in FIELDS.items() if word in option_names(f)), "")


def _arguments(values: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[str, ...]:
    arguments: list[str] = []
    for name, f in FIELDS.items():
        if name not in values or values[name] == f.default:
            continue
        option = option_names(f)[0]
        if name == "models":
            arguments += [part for spec in values[name] for part in (option, str(spec))]
        elif is_switch(f):
            arguments.append(option)
        else:
            arguments += [option, texts[name].strip()]
    return tuple(arguments)


def _model_texts(specs: tuple[ModelSpec, ...]) -> str:
    return " ".join(shlex.quote(str(spec)) if " " in spec.name else str(spec) for spec in specs)
