"""What a loop of the user's own says of its run: checked, and as the run keeps it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tui_vae import __version__
from tui_vae.config import check_name
from tui_vae.errors import EventError, UsageError, one_line
from tui_vae.events import OWN_LOOP, WRITER, Parameters, RunStarted, decode, encode

Models = Mapping[str, Mapping[str, int] | None] | Iterable[str]

_FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow")
_RESERVED = ("models", "epochs", "dataset", WRITER)


def parameters_of(models: Models) -> dict[str, Parameters | None]:
    """Check the names of models, and their numbers of parameters.

    Raises:
        UsageError: One of them cannot be used.
    """
    if isinstance(models, str):
        raise UsageError(f"models is a mapping or a list of names, such as [{models!r}]")
    given = dict(models) if isinstance(models, Mapping) else dict.fromkeys(models)
    if not given:
        raise UsageError("models names at least one model")
    folded = [check_name(name, "a model name").casefold() for name in given]
    if len(set(folded)) < len(folded):
        raise UsageError("models: two of them have the same name but for capitals")
    return {name: None if counts is None else _parameters(name, counts) for name, counts in given.items()}


def _parameters(model: str, counts: Mapping[str, int]) -> Parameters:
    form = f'models: {model} is given as {{"encoder": number, "decoder": number}} or None'
    if not isinstance(counts, Mapping) or counts.keys() != {"encoder", "decoder"}:
        raise UsageError(form)
    if not all(isinstance(count, int) and count >= 0 for count in counts.values()):
        raise UsageError(f"{form}; the numbers are whole and not below 0")
    return Parameters(counts["encoder"], counts["decoder"], counts["encoder"] + counts["decoder"])


def config_of_log(
    models: Iterable[str], epochs: int | None, dataset: str | None, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The configuration of the run: what is known of it, and the options of the user.

    Raises:
        UsageError: An option has a name that is taken, or is no JSON value.
    """
    options = dict(given or {})
    taken = next((name for name in _RESERVED if name in options), None)
    if taken is not None:
        raise UsageError(f"config: {taken} cannot be given there; models, epochs and dataset are arguments of Log")
    config: dict[str, Any] = {WRITER: OWN_LOOP, "models": [{"name": name} for name in models], "epochs": epochs}
    config |= {"dataset": dataset} if dataset is not None else {}
    config |= options
    try:
        decoded = decode(encode(RunStarted(name="", config=config, versions={}, device=None, data=None)))
    except (EventError, NotImplementedError, TypeError, ValueError) as error:
        raise UsageError(f"config holds JSON values: {one_line(error)}") from error
    assert isinstance(decoded, RunStarted)
    return decoded.config


def versions() -> dict[str, str]:
    """Versions of this program, Python, and those frameworks that the user's program has loaded."""
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _FRAMEWORKS}
    found = {name: str(version) for name, version in loaded.items() if version is not None}
    return {"tui-vae": __version__, "python": platform.python_version(), **found}
