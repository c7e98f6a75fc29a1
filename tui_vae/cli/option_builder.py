"""Typer options generated from the fields of the configuration, and the layout of help."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from tui_vae.config import (
    DisplayConfig,
    EvaluationConfig,
    ModelSpec,
    StoreConfig,
    StudyConfig,
    TrainConfig,
    option_names,
    option_type,
    path_of,
)

CONFIGS = (TrainConfig, StoreConfig, DisplayConfig)

NOT_OF_A_STUDY = ("no_ui", "graphics", "theme", "notify", "fps")
"""Options of the display that are for the interface, or for a single run."""


def with_options(
    *configs: type[Any], without: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give ``command(context, options, **own)`` one option for each field of the configurations, but those ``without``.

    The options arrive as one mapping of the texts and numbers typed, for :func:`configurations`, :func:`display_of` or
    :func:`evaluation_of`.
    """
    fields = [f for config in configs for f in dataclasses.fields(config) if f.name not in without]
    return functools.partial(_with_options, fields)


def _with_options(fields: Sequence[dataclasses.Field[Any]], command: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(command, include_extras=True)
    own = list(inspect.signature(command).parameters.values())[2:]
    names = [f.name for f in fields]

    opposites = {f.name: f"without_{f.name}" for f in fields if f.metadata["opposite"]}

    def wrapper(ctx: typer.Context, **values: Any) -> None:
        options = {name: values.pop(name) for name in names}
        for name, opposite in opposites.items():
            if values.pop(opposite):
                if options[name]:
                    raise typer.BadParameter(f"--{name.replace('_', '-')} cannot be combined with its opposite")
                options[name] = False
        command(ctx, options, **values)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [_parameter(f) for f in fields]
    parameters += [_opposite(f, opposites[f.name]) for f in fields if f.name in opposites]
    parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in own]
    vars(wrapper)["__signature__"] = inspect.Signature(parameters)
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    return wrapper


@dataclass(frozen=True)
class CliOptions:
    """The options of a training; ``typed`` holds those fields of ``train`` that were given."""

    train: TrainConfig
    typed: Mapping[str, Any]
    store: StoreConfig
    display: DisplayConfig


def configurations(options: Mapping[str, Any]) -> CliOptions:
    """The checked configurations of what was typed; what was not typed has its default.

    Raises:
        UsageError: An option or a combination cannot be used.
    """
    values = _chosen(options)
    if "models" in values:
        values["models"] = tuple(ModelSpec.parse(text) for text in values["models"])
    values["runs_dir"] = _runs_dir(values.get("runs_dir"))
    for config in CONFIGS:
        _parse(config, values)
    train, store, display = (
        {f.name: values[f.name] for f in dataclasses.fields(config) if f.name in values} for config in CONFIGS
    )
    return CliOptions(TrainConfig(**train), train, StoreConfig(**store), DisplayConfig(**display))


def study_options_of(options: Mapping[str, Any]) -> tuple[dict[str, Any], StudyConfig, DisplayConfig]:
    """The train options that were given for a study, by the names of their fields, and its other options.

    Raises:
        UsageError: An option or a combination cannot be used.
    """
    values = _chosen(options)
    if "models" in values:
        values["models"] = tuple(ModelSpec.parse(text) for text in values["models"])
    for config in (TrainConfig, StudyConfig):
        _parse(config, values)
    train, study = (
        {f.name: values.pop(f.name) for f in dataclasses.fields(config) if f.name in values}
        for config in (TrainConfig, StudyConfig)
    )
    TrainConfig(**train)  # checks what was typed before the rest of the study is known
    return train, StudyConfig(**study), DisplayConfig(**{"no_ui": True, **values})


def display_of(options: Mapping[str, Any]) -> DisplayConfig:
    """The checked display options of a command that has no others of a configuration.

    Raises:
        UsageError: One of them, or a combination, cannot be used.
    """
    return DisplayConfig(**_chosen(options))


def evaluation_of(options: Mapping[str, Any]) -> EvaluationConfig:
    """The checked options of an evaluation.

    Raises:
        UsageError: One of them, or a combination, cannot be used.
    """
    values = _chosen(options)
    _parse(EvaluationConfig, values)
    return EvaluationConfig.of_options(values)


def runs_dir_of(typed: str | None) -> Path:
    """Where runs are kept, for a command that does not train.

    Raises:
        UsageError: The text names no directory.
    """
    return Path(StoreConfig(runs_dir=_runs_dir(typed)).runs_dir)


def _runs_dir(typed: str | None) -> str:
    """As typed, as the environment says, or the default."""
    return path_of(typed if typed is not None else os.environ.get("TUI_VAE_RUNS") or StoreConfig().runs_dir)


def _parse(config: type[Any], values: dict[str, Any]) -> None:
    """Turn the texts typed for fields of a configuration into their values."""
    for f in dataclasses.fields(config):
        if f.name in values and f.metadata["parse"]:
            values[f.name] = f.metadata["parse"](values[f.name])


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given. A switch that is stored is ``None`` where it was not typed."""
    values = {name: value for name, value in options.items() if value is not None and value != []}
    return values | {"no_ui": True} if values.get("json") else values


def _parameter(f: dataclasses.Field[Any]) -> inspect.Parameter:
    names = option_names(f)
    kind: Any = option_type(f)
    default: Any = False if kind is bool and f.metadata["opposite"] is None else None
    shown: Any = None if kind is bool or isinstance(f.default, tuple) else f.default
    if f.name == "models":
        kind = list[str]
        shown = "  ".join(str(spec) for spec in TrainConfig().models)
    help_text = f.metadata["help"]
    if shown is not None:
        help_text += f"  [default: {shown}]"
    option = typer.Option(
        *names,
        help=help_text.replace("[", r"\["),
        metavar=f.metadata["metavar"] or "",
        rich_help_panel=f.metadata["panel"],
        show_default=False,
    )
    annotation = kind if default is False else kind | None
    return inspect.Parameter(
        f.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, option]
    )


def _opposite(f: dataclasses.Field[Any], name: str) -> inspect.Parameter:
    """The option that turns a stored switch off again; the help of the switch names it."""
    option = typer.Option(f.metadata["opposite"], hidden=True)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option])


class _PlainHelp:
    """Omit the names of Python types from help: metavars describe values, and switches take none."""

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                parameter.display_type_rich = lambda ctx: None
        return parameters

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.metavar = ""
        return option

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [re.sub("[{}]", "", piece) for piece in pieces]


class CommandHelp(_PlainHelp, TyperCommand):
    """A command of the group."""


class GroupHelp(_PlainHelp, TyperGroup):
    """The command with subcommands."""
