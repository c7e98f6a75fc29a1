"""Options of training, which are stored with a run."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tui_vae.config.models import ModelSpec, once_per_seed
from tui_vae.config.options import (
    AUTO,
    at_least,
    from_json,
    not_negative,
    one_of,
    option,
    option_names,
    path_of,
    positive,
    shown,
)
from tui_vae.config.sigma import learned_sigma, parse_sigma
from tui_vae.errors import UsageError

SCHEDULES = ("cosine", "constant")
PRECISIONS = (AUTO, "fp32", "bf16")
STEPS = (AUTO, "general", "fused")
EMBEDDED_DATASET = "mnist"
TORCHVISION_DATASETS = ("fashion-mnist", "kmnist", "qmnist", "emnist-digits")
DATASETS = (EMBEDDED_DATASET, *TORCHVISION_DATASETS)

_MAX_SEED = 2**63 - 1
_MOST_SEEDS = 100
_LARGEST_LR = 1e30
_LARGEST_BETA = 1e6
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def device_name(text: str) -> str:
    """Return the name, unless it is of no kind of device. Whether the machine has the device is not checked."""
    if not _DEVICE.fullmatch(text):
        raise UsageError(f"--device is auto, cpu, cuda, cuda:N or mps, not {shown(text)}")
    return text


def parse_threads(text: str) -> int | Literal["auto"]:
    if text == AUTO:
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--threads is a whole number, or {AUTO}; got {shown(text)}") from None


def check_learning_rate(lr: float, what: str) -> None:
    """Refuse a peak learning rate that cannot be used; ``what`` is its name in the error."""
    positive(what, lr)
    if lr > _LARGEST_LR:
        raise UsageError(f"{what} is at most {_LARGEST_LR:g}, beyond which a 32-bit step may overflow; not {lr:g}")


@dataclass(frozen=True)
class TrainConfig:
    """All that decides what is trained. Two runs of one resolved configuration give the same weights.

    With several seeds, ``models`` of a resolved configuration holds every model once per seed.
    """

    models: tuple[ModelSpec, ...] = option(
        (ModelSpec("baseline"), ModelSpec("deep", (512, 256))),
        "A model: hidden widths of the encoder, which the decoder mirrors (none: one layer), or a file of your own "
        "networks, FILE.py[:ENCODER,DECODER]. Repeatable.",
        metavar="NAME=H1,H2,…",
        names=("--model",),
        panel="Models",
        identity=True,
    )
    zdim: int = option(32, "Latent dimension, the same for all models.", metavar="N", panel="Models", identity=True)
    sigma: float | str = option(
        0.5,
        "Standard deviation of the decoder: a number, or learned:START:FLOOR (one scalar).",
        parse=parse_sigma,
        metavar="NUMBER|learned[:START[:FLOOR]]",
        panel="Models",
        identity=True,
    )
    epochs: int = option(20, "Passes over the training images.", metavar="N")
    batch_size: int = option(128, "Images per step.", metavar="N")
    lr: float = option(2e-3, "Peak learning rate of Adam.", metavar="NUMBER")
    schedule: str = option(
        "cosine",
        "Learning rate: linear warm-up over the first tenth of the steps, then cosine decay to 0; or constant.",
        metavar="|".join(SCHEDULES),
    )
    beta: float = option(1.0, "Weight of the KL in what is minimised (beta-VAE).", metavar="NUMBER", identity=True)
    kl_warmup: float = option(
        0.0, "Raise the weight of the KL from 0 over the first EPOCHS.", metavar="EPOCHS", identity=True
    )
    free_bits: float = option(
        0.0, "KL of each latent, in nats, below which it costs the same.", metavar="NATS", identity=True
    )
    patience: int = option(
        0, "Stop a model when its held-out ELBO has not risen for this many epochs; 0: never.", metavar="N"
    )
    seed: int = option(0, "The only source of randomness.", metavar="N", identity=True)
    seeds: int = option(
        1, "Train every model once per seed, starting from --seed.", metavar="N", panel="Models", identity=True
    )
    dataset: str = option(
        EMBEDDED_DATASET,
        f"One of {', '.join(DATASETS)}; all but the embedded mnist are read from --data-dir.",
        metavar="NAME",
        panel="Data",
        identity=True,
    )
    data_dir: str = option(
        "data", "Directory of the other data sets, in torchvision's layout.", parse=path_of, metavar="DIR", panel="Data"
    )
    download: bool = option(
        False,
        "Download a data set that is not in --data-dir to it. Stored with the run; --no-download undoes it.",
        panel="Data",
        opposite="--no-download",
    )
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
    dequantize: bool = option(
        False,
        "Add uniform noise of a grey level to the images, fresh in every epoch.",
        panel="Data",
        identity=True,
        opposite="--no-dequantize",
    )
    device: str = option(AUTO, "Device to train on.", metavar="auto|cpu|cuda[:N]|mps", panel="Machine")
    precision: str = option(
        AUTO,
        "Precision of matrix products (fp32 is TF32 on CUDA); weights and sums stay fp32.",
        metavar="|".join(PRECISIONS),
        panel="Machine",
    )
    threads: int | Literal["auto"] = option(
        AUTO,
        "Intra-op CPU threads of the largest model; the others get as many as suit their size.",
        parse=parse_threads,
        metavar="auto|N",
        panel="Machine",
    )
    step: str = option(
        AUTO,
        "Training step: general (autograd) or fused (fully connected layers only); auto chooses the faster.",
        metavar="|".join(STEPS),
        panel="Machine",
    )
    checkpoint_every: float = option(
        30.0, "Seconds between checkpoints, in addition to one at every epoch.", metavar="NUMBER"
    )
    no_evaluate: bool = option(
        False,
        "Skip the evaluation at the end. Stored with the run; --evaluate undoes it.",
        opposite="--evaluate",
    )

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError("--model: at least one model is needed")
        for name in ("zdim", "epochs", "batch_size", "seeds"):
            at_least(self, name, 1)
        if self.seeds > _MOST_SEEDS:
            raise UsageError(f"--seeds is at most {_MOST_SEEDS}, not {self.seeds}")
        if not 0 <= self.seed <= _MAX_SEED - self.seeds + 1:
            raise UsageError(f"--seed is a whole number from 0 to {_MAX_SEED - self.seeds + 1}, not {self.seed}")
        # Case-folded: a file system may take "Deep" for "deep".
        names = [spec.name.casefold() for spec in once_per_seed(self.models, self.seed, self.seeds)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"--model: two models are called {shown(twice)}; give each its own name")
        at_least(self, "val_size", 0)
        if self.train_size is not None:
            at_least(self, "train_size", 1)
        if learned_sigma(self.sigma) is None:
            positive("--sigma", float(self.sigma))
        check_learning_rate(self.lr, "--lr")
        positive("--checkpoint-every", self.checkpoint_every)
        self._check_kl()
        at_least(self, "patience", 0)
        one_of("--schedule", self.schedule, SCHEDULES)
        one_of("--dataset", self.dataset, DATASETS)
        one_of("--precision", self.precision, PRECISIONS)
        one_of("--step", self.step, STEPS)
        if self.step == "fused" and all(spec.network is not None for spec in self.models):
            raise UsageError("--step fused is for fully connected layers; networks of your own need --step general")
        device_name(self.device)
        if self.threads != AUTO:
            at_least(self, "threads", 1)

    def _check_kl(self) -> None:
        for name in ("beta", "kl_warmup", "free_bits"):
            not_negative(self, name)
        if self.beta > _LARGEST_BETA:
            raise UsageError(f"--beta is at most {_LARGEST_BETA:g}, not {self.beta:g}")
        if self.beta == 0 and (self.kl_warmup or self.free_bits):
            name = "--kl-warmup" if self.kl_warmup else "--free-bits"
            raise UsageError(f"{name} has nothing to act on with --beta 0, which leaves out the KL: give one of them")
        if self.kl_warmup > self.epochs:
            raise UsageError(
                f"--kl-warmup {self.kl_warmup:g} is longer than the training of --epochs {self.epochs}: "
                "give fewer or more epochs"
            )

    @property
    def weighs_kl(self) -> bool:
        """Whether what is minimised is not the ELBO: the KL has a weight, or is free up to some nats."""
        return self.beta != 1 or self.kl_warmup > 0 or self.free_bits > 0

    @property
    def at_once(self) -> int:
        """The number of models that train at the same time: those of one seed."""
        return len({spec.architecture for spec in self.models})

    def threads_of(self, spec: ModelSpec) -> int:
        """The threads of a model of a resolved configuration: proportional to its work, at least one.

        A step of the linear model takes a tenth of the deep model's: more threads would hardly make it faster.
        """
        largest = max(other.work(self.zdim) for other in self.models)
        return max(1, round(int(self.threads) * spec.work(self.zdim) / max(1, largest)))

    def step_of(self, spec: ModelSpec) -> str:
        """The kind of training step of a model of a resolved configuration."""
        return self.step if spec.network is None else "general"

    def resolved(self, *, device: str, precision: str, threads: int, train_size: int, step: str) -> TrainConfig:
        """This configuration for this machine: no ``auto``, every model once per seed, and valid in every folder."""
        return dataclasses.replace(
            self,
            models=once_per_seed(self.models, self.seed, self.seeds),
            device=device,
            precision=precision,
            threads=threads,
            train_size=train_size,
            step=step,
            data_dir=self.data_dir if self.dataset == EMBEDDED_DATASET else os.path.abspath(self.data_dir),
        )

    def continued(self, typed_now: Mapping[str, Any]) -> TrainConfig:
        """This configuration of a stored run, with the options that were typed to continue the run.

        Raises:
            UsageError: An option would make it another experiment.
        """
        typed = dataclasses.replace(self, **typed_now)
        continued = dataclasses.replace(typed, models=once_per_seed(typed.models, typed.seed, typed.seeds))
        for f in dataclasses.fields(self):
            if f.name == "models":
                same = [spec.identity for spec in continued.models] == [spec.identity for spec in self.models]
            else:
                same = getattr(continued, f.name) == getattr(self, f.name)
            if f.metadata["identity"] and f.name in typed_now and not same:
                off = f.metadata["opposite"] if typed_now[f.name] is False else None
                name = off or option_names(f)[0]
                stored = ", ".join(map(str, self.models)) if f.name == "models" else getattr(self, f.name)
                text = shown(str(stored))[1:-1] if not isinstance(stored, bool) else f"it {'on' if stored else 'off'}"
                raise UsageError(
                    f"{name} would make another experiment of the run, which has {text}; "
                    f"continue it without {name}, or start a new run"
                )
        return dataclasses.replace(continued, models=self.models) if "models" in typed_now else continued

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` is the inverse."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["models"] = [_spec_to_json(spec) for spec in self.models]
        return values

    def arguments(self) -> tuple[str, ...]:
        """The options that differ from their defaults, as on a command line: of a resolved configuration, those that
        train the same weights on the same machine.
        """
        arguments: list[str] = []
        for f in dataclasses.fields(self):
            value, name = getattr(self, f.name), option_names(f)[0]
            if f.name == "models":
                specs = dict.fromkeys(
                    str(dataclasses.replace(spec, name=spec.architecture, seed=None)) for spec in value
                )
                if tuple(specs) != tuple(map(str, TrainConfig().models)):
                    arguments += [part for spec in specs for part in (name, spec)]
            elif value == f.default or (f.name == "data_dir" and self.dataset == EMBEDDED_DATASET):
                continue
            else:
                arguments += [name] if value is True else [name, str(value)]
        return tuple(arguments)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of :meth:`to_json`.

        One without ``step`` is of a version that had the fused step only.

        Raises:
            UsageError: A value is of another type or out of range, or an option is unknown to this version.
        """
        models = values.get("models")
        if isinstance(models, list) and any(isinstance(model, dict) and "hidden" not in model for model in models):
            raise UsageError("the configuration cannot be read: a model lacks its hidden widths")
        return from_json(cls, {"step": "fused", **values})


def _spec_to_json(spec: ModelSpec) -> dict[str, Any]:
    values: dict[str, Any] = {"name": spec.name, "hidden": list(spec.hidden)}
    if spec.seed is not None:
        values["seed"] = spec.seed
    if spec.network is not None:
        values["network"] = dataclasses.asdict(spec.network)
    return values
