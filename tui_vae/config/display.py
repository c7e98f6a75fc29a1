"""Options of where a run is stored, where a study trains, and how both are displayed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from tui_vae.config.models import check_name
from tui_vae.config.options import AUTO, one_of, option, path_of, shown
from tui_vae.errors import UsageError

NOTIFY = (AUTO, "each", "bell", "never")
COLOURS = (AUTO, "always", "never")
GRAPHICS = (AUTO, "blocks", "kitty", "sixel", "ascii")
_ADDRESS = re.compile(r"auto|[^\s/:]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
THEMES = ("dark", "light", "contrast", "solarized")


def parse_gpus(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--gpus-per-trial is a number, not {shown(text)}") from None


def _check_gpus(gpus: float) -> None:
    if not (math.isfinite(gpus) and gpus >= 0):
        raise UsageError(f"--gpus-per-trial is a number of at least 0, not {gpus:g}")
    if gpus > 1 and gpus != int(gpus):
        raise UsageError(f"--gpus-per-trial is a fraction of a GPU, or a whole number of them, not {gpus:g}")


@dataclass(frozen=True)
class StoreConfig:
    """Where the run is stored."""

    runs_dir: str = option("runs", "Directory of the runs.  [env: TUI_VAE_RUNS]", metavar="DIR", panel="Run")
    name: str | None = option(None, "Name of this run.  [default: generated]", metavar="NAME", panel="Run")
    resume: str | None = option(
        None,
        "Continue a run: its name, its path, or latest. Options of Models, Training, Data and Machine are stored with "
        "the run and apply again unless typed now; those of Run and Display apply to this start only.",
        metavar="RUN",
        panel="Run",
    )

    trust: bool = option(
        False,
        "With --resume: execute the copy of your own networks that the run keeps, whatever the original file is now.",
        panel="Run",
    )

    def __post_init__(self) -> None:
        if self.trust and self.resume is None:
            raise UsageError("--trust needs --resume; networks given by --model are executed as they are")
        if self.resume is not None and self.name is not None:
            raise UsageError("--name is for a new run; --resume continues one under the name it has")
        if self.name is not None:
            check_name(self.name, "--name")
        if not self.runs_dir:
            raise UsageError("--runs-dir names a directory")


@dataclass(frozen=True)
class StudyConfig:
    """Where the trials of a study run, beside what they are."""

    file: str | None = option(None, "Read the options of the study from a TOML file.", metavar="FILE", panel="Study")
    address: str | None = option(
        None,
        "A running Ray cluster: HOST:PORT, or auto for the one on this machine.  [default: Ray on this machine alone]",
        metavar="ADDRESS",
        panel="Study",
    )
    storage: str | None = option(
        None,
        "Keep the study in this folder, which every node of the cluster sees, instead of --runs-dir. Without it, what "
        "nodes train is sent to this machine.",
        parse=path_of,
        metavar="DIR",
        panel="Study",
    )
    gpus_per_trial: float | None = option(
        None,
        "GPUs that a trial takes, such as 0.25.  [default: 1 where there are any; --threads says how many cores]",
        parse=parse_gpus,
        metavar="NUMBER",
        panel="Study",
    )
    dry_run: bool = option(False, "List the trials and the expected time, without training.", panel="Study")

    def __post_init__(self) -> None:
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            raise UsageError(f"--address is HOST:PORT of a Ray cluster, or auto; got {shown(self.address)}")
        if self.storage is not None and _URI.match(self.storage):
            raise UsageError(f"--storage is a folder that every node sees, not {shown(self.storage)}")
        if self.storage == "":
            raise UsageError("--storage names a directory")
        if self.gpus_per_trial is not None:
            _check_gpus(self.gpus_per_trial)


@dataclass(frozen=True)
class DisplayConfig:
    """How the run is displayed. Nothing here changes a trained bit."""

    no_ui: bool = option(
        False, "Without the interface: a live view on a terminal, plain lines otherwise.", panel="Display"
    )
    json: bool = option(False, "Events as JSON Lines on stdout, all else on stderr; implies --no-ui.", panel="Display")
    quiet: bool = option(False, "Print only the final table, without the interface.", panel="Display")
    ascii: bool = option(False, "Draw with ASCII only.", panel="Display")
    color: str = option(AUTO, "Colour in the output.", metavar="|".join(COLOURS), panel="Display")
    graphics: str = option(
        AUTO,
        "Pictures in the interface: true pixels (kitty or sixel), half blocks (blocks) or shades of ASCII (ascii); "
        "auto asks the terminal.",
        metavar="HOW",
        panel="Display",
    )
    theme: str | None = option(
        None,
        f"Colours of the interface: {', '.join(THEMES[:-1])} or {THEMES[-1]}.  [default: those chosen last]",
        metavar="NAME",
        panel="Display",
    )
    notify: str = option(
        AUTO,
        "Bell, and a notification where the terminal has them, when a model fails and at the end; each: also when "
        "one finishes; bell: no notification.",
        metavar="|".join(NOTIFY),
        panel="Display",
    )
    fps: float = option(10.0, "Maximum redraws per second.", metavar="NUMBER", panel="Display")

    def __post_init__(self) -> None:
        one_of("--color", self.color, COLOURS)
        one_of("--notify", self.notify, NOTIFY)
        one_of("--graphics", self.graphics, GRAPHICS)
        if self.graphics != AUTO and self.no_ui:
            raise UsageError("--graphics is for the interface and cannot be combined with --no-ui")
        if self.theme is not None:
            one_of("--theme", self.theme, THEMES)
            if self.no_ui:
                raise UsageError("--theme is for the interface and cannot be combined with --no-ui")
        if not (math.isfinite(self.fps) and 0.1 <= self.fps <= 60):
            raise UsageError(f"--fps is a number from 0.1 to 60, not {self.fps:g}")
        if self.json and self.quiet:
            raise UsageError("--json and --quiet cannot be combined: choose one")
        if self.quiet and not self.no_ui:
            raise UsageError("--quiet needs --no-ui")
