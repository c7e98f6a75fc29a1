"""Every option of a training run, once: its default, its help, its check, and its JSON form.

The command line, the interface and the run store are all derived from the fields below. A configuration is complete
and valid once it is constructed; the only later step is :func:`TrainConfig.resolved`, which replaces each ``auto`` by
what was chosen for this machine, so that a stored run says exactly what it did.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tui_vae.errors import EventError, UsageError
from tui_vae.events import typed

AUTO = "auto"
LEARNED = "learned"
SCHEDULES = ("cosine", "constant")
PRECISIONS = (AUTO, "fp32", "bf16")
COLOURS = (AUTO, "always", "never")
EMBEDDED_DATASET = "mnist"
TORCHVISION_DATASETS = ("fashion-mnist", "kmnist", "qmnist", "emnist-digits")
DATASETS = (EMBEDDED_DATASET, *TORCHVISION_DATASETS)
IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE

_MAX_SEED = 2**63 - 1
_MAX_WIDTH = 1_000_000
_LARGEST_LR = 1e30
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def option(
    default: Any,
    help: str,
    *,
    parse: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    names: tuple[str, ...] = (),
    panel: str = "Training",
    identity: bool = False,
) -> Any:
    """A dataclass field that is also an option of the command line.

    Args:
        default: The value when the option is not given.
        help: One sentence for a stranger.
        parse: Turns the text typed by the user into the value; raises :class:`UsageError`.
        metavar: What stands for the value in the help.
        names: Option names, when they are not ``--field-name``.
        panel: The group of the help in which the option is listed.
        identity: Whether another value makes another experiment, so that a run cannot be continued with it.
    """
    metadata = {
        "help": help,
        "parse": parse,
        "metavar": metavar,
        "names": names,
        "panel": panel,
        "identity": identity,
    }
    return field(default=default, metadata=metadata)


def option_names(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """How the option of a configuration's field is typed."""
    return field.metadata["names"] or (f"--{field.name.replace('_', '-')}",)


@dataclass(frozen=True)
class ModelSpec:
    """One model: its name and the hidden widths of its encoder, which the decoder mirrors.

    No hidden width means one fully connected layer each: the linear model, whose optimum is known exactly.
    """

    name: str
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name, "a model's name")
        for width in self.hidden:
            if not 1 <= width <= _MAX_WIDTH:
                raise UsageError(
                    f"--model {self.name}: a width is a whole number from 1 to {_MAX_WIDTH:,}, not {width}"
                )

    @property
    def linear(self) -> bool:
        return not self.hidden

    @classmethod
    def parse(cls, text: str) -> ModelSpec:
        """``NAME=H1,H2,…`` as typed on the command line."""
        name, equals, widths = text.partition("=")
        if not equals:
            raise UsageError(f"--model takes NAME=WIDTHS, such as deep=512,256 or baseline= ; got {_shown(text)}")
        try:
            hidden = tuple(int(width) for width in widths.split(",")) if widths.strip() else ()
        except ValueError:
            raise UsageError(f"--model {_shown(text)}: the widths are whole numbers with commas between them") from None
        return cls(name.strip(), hidden)

    def __str__(self) -> str:
        return f"{self.name}={','.join(map(str, self.hidden))}"


def check_name(name: str, what: str) -> str:
    """Refuse a name that could leave its directory or disturb a terminal; returns it unchanged."""
    if not name or len(name) > 64:
        raise UsageError(f"{what} has 1 to 64 characters, not {len(name)}")
    if name.startswith((".", "-")):
        raise UsageError(f"{what} starts with neither a dot nor a dash: {_shown(name)}")
    bad = next((c for c in name if c in '/\\:*?"<>|' or (unicodedata.category(c)[0] in "CZ" and c != " ")), None)
    if bad is not None:
        raise UsageError(f"{what} holds no path separator, control or reserved character: {_shown(name)}")
    return name


def parse_sigma(text: str) -> float | Literal["learned"]:
    if text == LEARNED:
        return "learned"
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--sigma is a number above 0, or {LEARNED}; got {_shown(text)}") from None


def parse_threads(text: str) -> int | Literal["auto"]:
    if text == AUTO:
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--threads is a whole number, or {AUTO}; got {_shown(text)}") from None


def _shown(text: str) -> str:
    """User text that is safe to print in one line."""
    shown = ascii(text)
    return shown if len(shown) <= 60 else shown[:57] + "…'"


@dataclass(frozen=True)
class TrainConfig:
    """All that decides what is trained. Two runs of one resolved configuration give the same weights."""

    models: tuple[ModelSpec, ...] = option(
        (ModelSpec("baseline"), ModelSpec("deep", (512, 256))),
        "A model: hidden widths of the encoder, mirrored by the decoder; none = one fully connected layer. Repeatable.",
        metavar="NAME=H1,H2,…",
        names=("--model",),
        panel="Models",
        identity=True,
    )
    zdim: int = option(32, "Latent dimension, the same for all models.", metavar="N", panel="Models", identity=True)
    sigma: float | Literal["learned"] = option(
        0.2,
        "Standard deviation of the decoder: a number, or 'learned' (one trained scalar).",
        parse=parse_sigma,
        metavar="NUMBER|learned",
        panel="Models",
        identity=True,
    )
    epochs: int = option(20, "Passes over the training images.", metavar="N")
    batch_size: int = option(128, "Images in a step.", metavar="N")
    lr: float = option(2e-3, "Peak learning rate of Adam.", metavar="NUMBER")
    schedule: str = option(
        "cosine",
        "Learning rate: linear warm-up over the first tenth of the steps, then cosine decay to 0; or constant.",
        metavar="|".join(SCHEDULES),
    )
    seed: int = option(0, "The only source of randomness.", metavar="N", identity=True)
    dataset: str = option(
        EMBEDDED_DATASET,
        f"One of {', '.join(DATASETS)}; all but the embedded mnist are read from --data-dir.",
        metavar="NAME",
        panel="Data",
        identity=True,
    )
    data_dir: str = option("data", "Where torchvision keeps the other data sets.", metavar="DIR", panel="Data")
    download: bool = option(False, "Allow a data set that is not in --data-dir to be downloaded there.", panel="Data")
    val_size: int = option(
        5000,
        "Images held out of the training split; 0 trains on all of it and holds out the test split.",
        metavar="N",
        panel="Data",
        identity=True,
    )
    train_size: int | None = option(
        None, "Use only the first N training images.  [default: all]", metavar="N", panel="Data", identity=True
    )
    device: str = option(AUTO, "Where to train.", metavar="auto|cpu|cuda[:N]|mps", panel="Machine")
    precision: str = option(
        AUTO, "Matrix products; weights and sums stay fp32.", metavar="|".join(PRECISIONS), panel="Machine"
    )
    threads: int | Literal["auto"] = option(
        AUTO, "Intra-op CPU threads of each model.", parse=parse_threads, metavar="auto|N", panel="Machine"
    )
    checkpoint_every: float = option(
        30.0, "Seconds between checkpoints, beside one at every epoch.", metavar="NUMBER", panel="Run"
    )

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("--model: at least one model is needed")
        # Whatever the case: a file system may not tell "Deep" from "deep".
        names = [spec.name.casefold() for spec in self.models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"--model: two models are called {_shown(twice)}; give each its own name")
        for name in ("zdim", "epochs", "batch_size"):
            _at_least(self, name, 1)
        _at_least(self, "val_size", 0)
        if self.train_size is not None:
            _at_least(self, "train_size", 1)
        if not 0 <= self.seed <= _MAX_SEED:
            raise UsageError(f"--seed is a whole number from 0 to {_MAX_SEED}, not {self.seed}")
        if self.sigma != LEARNED:
            _positive("--sigma", float(self.sigma))
        _positive("--lr", self.lr)
        _positive("--checkpoint-every", self.checkpoint_every)
        if self.lr > _LARGEST_LR:
            raise UsageError(
                f"--lr is at most {_LARGEST_LR:g}, beyond which a 32-bit step may overflow; not {self.lr:g}"
            )
        _one_of("--schedule", self.schedule, SCHEDULES)
        _one_of("--dataset", self.dataset, DATASETS)
        _one_of("--precision", self.precision, PRECISIONS)
        if not _DEVICE.fullmatch(self.device):
            raise UsageError(f"--device is auto, cpu, cuda, cuda:N or mps, not {_shown(self.device)}")
        if self.threads != AUTO:
            _at_least(self, "threads", 1)

    def resolved(self, *, device: str, precision: str, threads: int, train_size: int) -> TrainConfig:
        """This configuration with each ``auto`` replaced by what this machine uses."""
        return dataclasses.replace(self, device=device, precision=precision, threads=threads, train_size=train_size)

    def continued(self, typed_now: Mapping[str, Any]) -> TrainConfig:
        """This configuration of a stored run, with the options that were typed to continue it.

        Raises:
            UsageError: One of them would make it another experiment.
        """
        for f in dataclasses.fields(self):
            if f.metadata["identity"] and f.name in typed_now and typed_now[f.name] != getattr(self, f.name):
                name = option_names(f)[0]
                stored = ", ".join(map(str, self.models)) if f.name == "models" else getattr(self, f.name)
                raise UsageError(
                    f"{name} would make another experiment of the run, which has {_shown(str(stored))[1:-1]}; "
                    f"continue it without {name}, or start a new run"
                )
        return dataclasses.replace(self, **typed_now)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; :meth:`from_json` gives the same configuration back."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["models"] = [{"name": spec.name, "hidden": list(spec.hidden)} for spec in self.models]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration stored by :meth:`to_json`.

        Raises:
            UsageError: A value is of another type or out of range, or an option is unknown to this version.
        """
        hints = typing.get_type_hints(cls)
        unknown = sorted(set(values) - set(hints))
        if unknown:
            raise UsageError(f"the configuration has options unknown to this version: {_shown(', '.join(unknown))}")
        try:
            return cls(**{name: typed(value, hints[name], name) for name, value in values.items()})
        except EventError as error:
            raise UsageError(f"the configuration cannot be read: {error}") from error


@dataclass(frozen=True)
class StoreConfig:
    """Where the run is kept."""

    runs_dir: str = option("runs", "Where runs are kept.  [env: TUI_VAE_RUNS]", metavar="DIR", panel="Run")
    name: str | None = option(None, "Name of this run.  [default: made up]", metavar="NAME", panel="Run")
    resume: str | None = option(
        None,
        "Continue a run: its name, its path, or latest. Only options typed now override the stored ones.",
        metavar="RUN",
        panel="Run",
    )

    def __post_init__(self) -> None:
        if self.resume is not None and self.name is not None:
            raise UsageError("--name is for a new run; --resume continues one under the name it has")
        if self.name is not None:
            check_name(self.name, "--name")
        if not self.runs_dir:
            raise UsageError("--runs-dir names a directory")


@dataclass(frozen=True)
class DisplayConfig:
    """What is shown, and how. Nothing here changes a trained bit."""

    no_ui: bool = option(
        False, "Without the interface: a live view on a terminal, plain lines otherwise.", panel="Display"
    )
    json: bool = option(False, "Events as JSON Lines on stdout, all else on stderr; implies --no-ui.", panel="Display")
    quiet: bool = option(False, "Without the interface: only the final table.", panel="Display")
    ascii: bool = option(False, "Draw with ASCII only.", panel="Display")
    color: str = option(AUTO, "Colour in the output.", metavar="|".join(COLOURS), panel="Display")
    fps: float = option(10.0, "Most redraws a second.", metavar="NUMBER", panel="Display")

    def __post_init__(self) -> None:
        _one_of("--color", self.color, COLOURS)
        if not (math.isfinite(self.fps) and 0.1 <= self.fps <= 60):
            raise UsageError(f"--fps is a number from 0.1 to 60, not {self.fps:g}")
        if self.json and self.quiet:
            raise UsageError("--json and --quiet exclude each other: choose one")
        if self.quiet and not self.no_ui:
            raise UsageError("--quiet goes with --no-ui")


def _at_least(config: TrainConfig, name: str, low: int) -> None:
    value = getattr(config, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise UsageError(f"--{name.replace('_', '-')} is a whole number of at least {low}, not {_shown(str(value))}")


def _positive(option_name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option_name} is a finite number above 0, not {value:g}")


def _one_of(option_name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{option_name} is one of {', '.join(allowed)}; got {_shown(str(value))}")
