"""A study: trials of models × settings × seeds. What is fixed, what varies, and how a study may grow.

A study only grows. The same options give the same study; more models, values or seeds add trials; any other change
would make trials that cannot be compared, and is refused.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tui_vae.config.models import ModelSpec
from tui_vae.config.options import AUTO, option_names, parse_option, shown
from tui_vae.config.training import EMBEDDED_DATASET, TrainConfig
from tui_vae.errors import UsageError

STUDY_VERSION = 1
MOST_TRIALS = 100_000

VARIABLE = (
    *("zdim", "sigma", "epochs", "batch_size", "lr", "schedule", "patience"),
    *("beta", "kl_warmup", "free_bits", "dataset", "val_size", "train_size", "precision", "step"),
)
"""Options that may vary within a study, by the names of their fields."""

CHANGEABLE = ("data_dir", "download", "checkpoint_every", "no_evaluate")
"""Options that change no trained bit, so that a study may go on with others."""

_MANY = 1_000_000
_GROWING = ("models", "seeds")
_FIELDS = {f.name: f for f in dataclasses.fields(TrainConfig)}

Setting = float | int | str | None


class Trial(msgspec.Struct, frozen=True):
    """One model with one setting of what varies and one seed.

    Attributes:
        id: Name within the study, such as ``deep-sigma0.2-zdim8-seed0``, which is also the name of its run.
        model: Name of its model.
        settings: The value of each option that varies, by the name of its field.
        seed: Its seed.
        folder: Folder of its run within that of the study.
    """

    id: str
    model: str
    settings: dict[str, Setting]
    seed: int
    folder: str


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A study and all of its trials: the content of ``study.json``.

    Attributes:
        version: Of this schema.
        created: Unix time.
        config: The options that all trials share, with all models and ``seed`` and ``seeds``: a :class:`TrainConfig`
            as JSON values. Of those that vary, it holds the defaults.
        vary: The values of each option that varies, by the name of its field.
        trials: In the order in which they begin: by seed, then by setting, then by model.
    """

    version: int = STUDY_VERSION
    name: str
    created: float
    config: dict[str, Any]
    vary: dict[str, list[Setting]]
    trials: tuple[Trial, ...]

    @property
    def base(self) -> TrainConfig:
        """The options that all trials share.

        Raises:
            UsageError: They are not of this version.
        """
        return TrainConfig.from_json(self.config)

    def configs(self) -> Iterator[tuple[Trial, TrainConfig]]:
        """Yield each trial with its options: those of a run of one model and one seed.

        Raises:
            UsageError: They are not of this version.
        """
        base = self.base
        specs = {spec.name: spec for spec in base.models}
        for trial in self.trials:
            if trial.model not in specs:
                raise UsageError(f"the study has no model {shown(trial.model)}, which a trial names")
            yield trial, _config_of(base, specs[trial.model], trial.settings, trial.seed)


def parse_vary(texts: Sequence[str]) -> dict[str, list[Setting]]:
    """Parse ``NAME=VALUE,VALUE,…`` for each option that varies.

    Raises:
        UsageError: It is no such text, the option may not vary, or a value cannot be used.
    """
    vary: dict[str, list[Setting]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise UsageError(f"--vary takes NAME=VALUE,VALUE,… such as sigma=0.2,0.5; got {shown(text)}")
        field = name.strip().removeprefix("--").replace("-", "_")
        if field in vary:
            raise UsageError(f"--vary names {option_word(field)} twice; give all of its values at once")
        vary[field] = parse_values(field, values.split(","))
    return vary


def parse_values(field: str, texts: Sequence[str]) -> list[Setting]:
    """Parse the values of an option that varies.

    Raises:
        UsageError: The option may not vary, or a value cannot be used.
    """
    if field not in VARIABLE:
        hint = (
            "; models are given by --model, seeds by --seeds" if field in ("model", "models", "seed", "seeds") else ""
        )
        raise UsageError(f"--vary takes one of {', '.join(map(option_word, VARIABLE))}{hint}; got {shown(field)}")
    values: list[Setting] = []
    for text in texts:
        if not text.strip():
            raise UsageError(f"--vary {option_word(field)}: a value is missing")
        try:
            value = parse_option(_FIELDS[field], text.strip())
            TrainConfig(**{"epochs": _MANY, field: value})  # by itself; with the others it is checked by trial
        except UsageError as error:
            raise UsageError(f"--vary {option_word(field)}: {error}") from None
        if value in values:
            raise UsageError(f"--vary {option_word(field)}: {shown(text.strip())} is there twice")
        values.append(value)
    return values


def option_word(field: str) -> str:
    """The name of an option without its dashes."""
    return option_names(_FIELDS[field])[0].removeprefix("--") if field in _FIELDS else field


def plan(
    name: str,
    typed: Mapping[str, Any],
    vary: Mapping[str, Sequence[Setting]],
    folder_of: Callable[[str], str],
    *,
    now: float,
    stored: Study | None = None,
) -> Study:
    """Plan a study: a new one, or a stored one with what is added to it.

    Args:
        name: Of the study.
        typed: The train options that were given, by the names of their fields.
        vary: What varies.
        folder_of: Returns the folder of a run of that name.
        now: Unix time.
        stored: The study of that name, if there is one. Options that are not typed are as they are there.

    Raises:
        UsageError: Options clash, or would make another study of the stored one.
    """
    clash = next((field for field in vary if field in typed), None)
    if clash is not None:
        raise UsageError(f"--{option_word(clash)} is given as fixed and by --vary; leave one of them out")
    if stored is None:
        base, values = TrainConfig(**typed), {field: list(given) for field, given in vary.items()}
    else:
        base, values = _grown(stored, typed, vary)
    base = dataclasses.replace(base, models=tuple(spec.identity for spec in base.models))
    if base.threads == AUTO:  # it would be all cores of a node, and as many trials as nodes at once
        base = dataclasses.replace(base, threads=1)
    if base.dataset != EMBEDDED_DATASET or "dataset" in values:  # workers may have another working directory
        base = dataclasses.replace(base, data_dir=os.path.abspath(base.data_dir))
    if ":" in base.device:
        raise UsageError(f"--device {base.device}: a study takes any GPU that is free; give --device cuda")
    trials = tuple(_trials(base, values, folder_of))
    created = stored.created if stored is not None else now
    return Study(name=name, created=created, config=base.to_json(), vary=values, trials=trials)


def _grown(
    stored: Study, typed: Mapping[str, Any], vary: Mapping[str, Sequence[Setting]]
) -> tuple[TrainConfig, dict[str, list[Setting]]]:
    """The shared options and the values of a stored study with what was typed now."""
    base = stored.base
    for field in vary:
        if field not in stored.vary:
            raise _another(stored.name, f"--vary {option_word(field)}", "does not vary it")
    for field, value in typed.items():
        if field in stored.vary:
            raise _another(stored.name, f"--{option_word(field)} {value}", "varies it")
        if field not in (*_GROWING, *CHANGEABLE) and value != getattr(base, field) and not _automatic(field, value):
            raise _another(stored.name, f"--{option_word(field)} {value}", f"has {getattr(base, field)}")
    models = {spec.name: spec for spec in base.models}
    for spec in typed.get("models", ()):
        if models.setdefault(spec.name, spec.identity) != spec.identity:
            raise _another(stored.name, f"--model {spec}", f"has {models[spec.name]}")
    changed = {field: typed[field] for field in CHANGEABLE if field in typed}
    seeds = max(base.seeds, typed.get("seeds", 1))
    values = {
        field: [*known, *(v for v in vary.get(field, ()) if v not in known)] for field, known in stored.vary.items()
    }
    return dataclasses.replace(base, models=tuple(models.values()), seeds=seeds, **changed), values


def _automatic(field: str, value: object) -> bool:
    return field == "threads" and value == AUTO


def _another(name: str, given: str, there: str) -> UsageError:
    return UsageError(
        f"{given} would make another study of {name}, which {there}; leave it out, or choose another name"
    )


def _trials(
    base: TrainConfig, values: Mapping[str, Sequence[Setting]], folder_of: Callable[[str], str]
) -> Iterator[Trial]:
    count = base.seeds * len(base.models) * math.prod(map(len, values.values()))
    if count > MOST_TRIALS:
        raise UsageError(f"these are {count:,} trials; a study has at most {MOST_TRIALS:,}")
    known: set[str] = set()
    for seed in range(base.seed, base.seed + base.seeds):
        for chosen in itertools.product(*values.values()):
            settings = dict(zip(values, chosen, strict=True))
            for spec in base.models:
                try:
                    _config_of(base, spec, settings, seed)
                except UsageError as error:
                    raise UsageError(f"{_trial_id(spec.name, settings, seed)}: {error}") from None
                id = _trial_id(spec.name, settings, seed)
                folder = folder_of(id)
                if folder.casefold() in known:  # to some file systems "Deep" and "deep" are one name
                    raise UsageError(f"--model: two trials would be called {shown(id)}; give models other names")
                known.add(folder.casefold())
                yield Trial(id, spec.name, settings, seed, folder)


def _config_of(base: TrainConfig, spec: ModelSpec, settings: Mapping[str, Setting], seed: int) -> TrainConfig:
    return dataclasses.replace(base, models=(spec,), seed=seed, seeds=1, **settings)  # type: ignore[arg-type]


def _trial_id(model: str, settings: Mapping[str, Setting], seed: int) -> str:
    return "-".join(
        (model, *(f"{option_word(field)}{_text(value)}" for field, value in settings.items()), f"seed{seed}")
    )


def _text(value: Setting) -> str:
    """A value in the name of a trial: as short as it can be while no other value has that text."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)
