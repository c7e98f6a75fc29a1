"""``tui-vae study``: many trials of models × settings × seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_vae.app.signals import StopSignals
from tui_vae.app.study.planning import StudyRequest, StudyView, plan_study
from tui_vae.app.terminal import own_terminal, prepare_output
from tui_vae.cli.option_builder import study_options_of
from tui_vae.config.study import parse_vary
from tui_vae.config.study_file import read_study_file
from tui_vae.errors import ExitCode
from tui_vae.headless.study import make_study_output
from tui_vae.resource_limits import cores


def study(runs_dir: Path, name: str, vary: Sequence[str], options: Mapping[str, Any], signals: StopSignals) -> int:
    """Run a study, or list its trials; returns the exit code of the process.

    Args:
        runs_dir: Where it is kept, unless a shared folder is given.
        name: Its name.
        vary: The texts of what varies.
        options: Of training, of the study and of the display, as typed.
        signals: Stop it.

    Raises:
        TuiVaeError: Nothing was started, or the study has stopped; the message says how to go on.
    """
    typed, config, display = study_options_of(options)
    values = parse_vary(vary)
    if config.file is not None:
        of_file, vary_of_file = read_study_file(config.file)
        typed, values = {**of_file, **typed}, {**vary_of_file, **values}
    prepare_output(display)
    storage = Path(config.storage) if config.storage is not None else None
    request = StudyRequest(name, runs_dir, typed, values, config.address, storage, config.gpus_per_trial)
    output = make_study_output(display, in_place=own_terminal())
    if config.dry_run:
        directory, planned, _ = plan_study(request)
        rows = StudyView(directory, planned).rows
        output.list_trials(planned, rows, max(1, cores() // int(planned.base.threads)))
        return ExitCode.OK
    from tui_vae.app.study.driver import run_study  # noqa: PLC0415 - Ray

    return run_study(request, output, signals)
