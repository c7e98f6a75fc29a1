"""Compares runs: the options in which they differ, and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from tui_vae.view.numbers import UNKNOWN, count, nats
from tui_vae.view.sanitize import printable
from tui_vae.view.state import ModelState, RunState


@dataclass(frozen=True)
class ComparedRow:
    """An option or a model, and its value in each run."""

    name: str
    values: tuple[str, ...]


def differing_options(runs: Sequence[RunState]) -> list[ComparedRow]:
    """Return the options that differ between runs with a known configuration, in stored order."""
    names = dict.fromkeys(name for run in runs for name in run.config)
    rows = [ComparedRow(_typed(name), tuple(_value(run.config, name) for run in runs)) for name in names]
    known = [index for index, run in enumerate(runs) if run.config]
    return [row for row in rows if len({row.values[index] for index in known}) > 1]


def held_out_elbos(runs: Sequence[RunState]) -> list[ComparedRow]:
    """Return the newest held-out ELBO of every model of any run, in nats per image."""
    return _of_models(runs, lambda model: nats(model.elbo))


def newest_values(runs: Sequence[RunState]) -> dict[str, list[ComparedRow]]:
    """Return, by title, what the logs of runs say of every model of any run; without what no run says."""

    def held_out(name: str, text: Callable[[float | None], str]) -> Callable[[ModelState], str]:
        return lambda model: text(getattr(model.last_held_out, name) if model.last_held_out is not None else None)

    quantities: dict[str, Callable[[ModelState], str]] = {
        "epochs": lambda model: str(model.last_held_out.epoch) if model.last_held_out is not None else UNKNOWN,
        "parameters": lambda model: count(model.parameters.total if model.parameters is not None else None),
        "held-out ELBO, nats": lambda model: nats(model.elbo, 2),
        "held-out reconstruction, nats": held_out("reconstruction", lambda value: nats(value, 2)),
        "held-out KL, nats": held_out("kl", lambda value: nats(value, 2)),
        "active units": held_out("active_units", count),
    }
    found = {title: _of_models(runs, text) for title, text in quantities.items()}
    return {title: rows for title, rows in found.items() if any(v != UNKNOWN for row in rows for v in row.values)}


def _of_models(runs: Sequence[RunState], text: Callable[[ModelState], str]) -> list[ComparedRow]:
    names = dict.fromkeys(name for run in runs for name in run.models)
    return [
        ComparedRow(printable(name), tuple(text(run.models[name]) if name in run.models else UNKNOWN for run in runs))
        for name in names
    ]


def _typed(name: str) -> str:
    """Return an option as it is written on the command line."""
    return printable("model" if name == "models" else name.replace("_", "-"))


def _value(config: Mapping[str, Any], name: str) -> str:
    if name not in config:
        return UNKNOWN
    value = config[name]
    if name == "models" and isinstance(value, (list, tuple)):
        return " ".join(_model(spec) for spec in value)
    if value is None:
        return "all" if name == "train_size" else UNKNOWN
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


def _model(spec: object) -> str:
    if not isinstance(spec, Mapping):
        return printable(str(spec))
    hidden = spec.get("hidden")
    widths = ",".join(map(str, hidden)) if isinstance(hidden, (list, tuple)) else None
    layers = network_of(spec) or widths
    return printable(str(spec.get("name")) if layers is None else f"{spec.get('name')}={layers}")


def network_of(spec: Mapping[str, Any]) -> str | None:
    """The classes of networks of the user's own in the stored options of a model, such as ``nets.py:Encoder,Decoder``.

    The options may be those of a damaged log.
    """
    network = spec.get("network")
    if not isinstance(network, Mapping):
        return None
    if str(network.get("source")).startswith("<"):
        return f"{network.get('encoder')},{network.get('decoder')} of a script"
    source, arguments = PurePath(str(network.get("source"))).name, network.get("arguments")
    classes = f"{source}:{network.get('encoder')},{network.get('decoder')}"
    return f"{classes}({arguments})" if arguments else classes
