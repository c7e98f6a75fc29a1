"""Typer options made from the fields of the configuration, so that every option is written down once."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from tui_vae.config import DisplayConfig, ModelSpec, StoreConfig, TrainConfig

CONFIGS = (TrainConfig, StoreConfig, DisplayConfig)


def with_train_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(context, options, **own)`` one option for each field of the configurations.

    The options arrive as one mapping of the texts and numbers typed, for :func:`configurations`.
    """
    hints = get_type_hints(command, include_extras=True)
    own = list(inspect.signature(command).parameters.values())[2:]
    fields = [f for config in CONFIGS for f in dataclasses.fields(config)]
    names = [f.name for f in fields]

    def wrapper(ctx: typer.Context, **values: Any) -> None:
        options = {name: values.pop(name) for name in names}
        command(ctx, options, **values)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [_parameter(f) for f in fields]
    parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in own]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.__doc__ = command.__doc__
    return wrapper


def configurations(options: Mapping[str, Any]) -> tuple[TrainConfig, StoreConfig, DisplayConfig]:
    """The checked configurations of what was typed; what was not typed has its default.

    Raises:
        UsageError: An option or a combination cannot be used.
    """
    values = {name: value for name, value in options.items() if value is not None and value != []}
    if "models" in values:
        values["models"] = tuple(ModelSpec.parse(text) for text in values["models"])
    if "runs_dir" not in values and os.environ.get("TUI_VAE_RUNS"):
        values["runs_dir"] = os.environ["TUI_VAE_RUNS"]
    if values.get("json"):
        values["no_ui"] = True
    for config in CONFIGS:
        for f in dataclasses.fields(config):
            if f.name in values and f.metadata["parse"]:
                values[f.name] = f.metadata["parse"](values[f.name])
    train, store, display = (
        config(**{f.name: values[f.name] for f in dataclasses.fields(config) if f.name in values}) for config in CONFIGS
    )
    assert isinstance(train, TrainConfig)
    assert isinstance(store, StoreConfig)
    assert isinstance(display, DisplayConfig)
    return train, store, display


def _parameter(f: dataclasses.Field[Any]) -> inspect.Parameter:
    names = f.metadata["names"] or (f"--{f.name.replace('_', '-')}",)
    kind: Any
    default: Any = None
    if f.name == "models":
        kind = list[str]
        shown: Any = "  ".join(str(spec) for spec in TrainConfig().models)
    elif isinstance(f.default, bool):
        kind, default, shown = bool, False, None
    elif f.metadata["parse"] or isinstance(f.default, str) or f.name == "name":
        kind, shown = str, f.default
    else:
        kind, shown = (float, f.default) if isinstance(f.default, float) else (int, f.default)
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
    annotation = kind if kind is bool else kind | None
    return inspect.Parameter(
        f.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, option]
    )
