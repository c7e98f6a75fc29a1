"""``tui-vae evaluate`` and ``tui-vae compare``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_vae.app.interpreter import gc_paused
from tui_vae.app.signals import StopSignals, interrupted_by
from tui_vae.app.terminal import prepare_output, waits_for
from tui_vae.cli.plot import state_of
from tui_vae.config import DisplayConfig, EvaluationConfig
from tui_vae.errors import RunStoreError, UsageError
from tui_vae.events import Event
from tui_vae.headless import make_console
from tui_vae.headless.evaluation_tables import print_comparison, print_evaluation, print_verdict
from tui_vae.headless.live import EvaluationBar
from tui_vae.headless.pictures import print_picture
from tui_vae.headless.tables import print_logged
from tui_vae.metrics import Verdict
from tui_vae.results import results_csv, results_json
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import options_of_own_loop
from tui_vae.run_store.find import find_run, named_apart
from tui_vae.run_store.study import StudyDirectory, study_alone
from tui_vae.view.sanitize import printable

if TYPE_CHECKING:
    from tui_vae.app.evaluate_run import MeasuredModel

# Torch takes two seconds: what can be refused without it is.


@dataclass(frozen=True)
class EvaluationOptions:
    """How results are shown: as tables unless as JSON or CSV; ``pictures`` adds those to the tables.

    ``trust`` is whether the sources of networks that runs keep may be executed.
    """

    json: bool = False
    csv: bool = False
    pictures: bool = False
    trust: bool = False

    def __post_init__(self) -> None:
        if self.json and self.csv:
            raise UsageError("--json and --csv cannot be combined: choose one")
        if self.pictures and (self.json or self.csv):
            raise UsageError("--pictures goes with tables and cannot be combined with --json or --csv")


def evaluate(
    runs_dir: Path,
    text: str,
    models: Sequence[str],
    config: EvaluationConfig,
    shown: EvaluationOptions,
    signals: StopSignals,
) -> None:
    """Measure the models of a run, keep what was found in it, and print it.

    Raises:
        UsageError, DataError, RunStoreError, EvaluationError: As :func:`tui_vae.app.evaluate_run.evaluate_run`; and
            where results could not be kept.
    """
    ascii_only = prepare_output(DisplayConfig())
    run = find_run(runs_dir, text)
    measured, hindered = _measure([run], config, signals, models=models, trust=shown.trust)
    from tui_vae.app.evaluate_run import compared  # noqa: PLC0415

    verdict = compared(measured).verdict if len(measured) > 1 else None
    _print(run, measured, verdict, shown, ascii_only=ascii_only)
    _check_kept(measured, hindered=hindered)


def _measure(
    runs: Sequence[RunDirectory],
    config: EvaluationConfig,
    signals: StopSignals,
    *,
    trust: bool,
    models: Sequence[str] = (),
    again: bool = True,
) -> tuple[list[MeasuredModel], bool]:
    """Measure the models of runs under a progress bar; returns the results, and whether a run could not be written."""
    measured: list[MeasuredModel] = []
    hindrances: list[str] = []
    with EvaluationBar() as bar:
        bar.say("loading torch")
        with gc_paused():
            from tui_vae.app.evaluate_run import evaluate_run  # noqa: PLC0415

        for run in runs:
            bar.prefix = f"{printable(run.name)}: " if len(runs) > 1 else ""
            with interrupted_by(signals), _log_of(run, bar) as (emit, hindrance):
                found = evaluate_run(
                    run, config, emit=emit, keep=hindrance is None, models=models, again=again, trust=trust
                )
            measured += found
            if hindrance is not None and any(model.new for model in found):
                hindrances.append(hindrance)
    for hindrance in hindrances:
        sys.stderr.write(f"tui-vae: {printable(hindrance)}; the results are shown and not kept\n")
    return measured, bool(hindrances)


def _print(
    run: RunDirectory,
    measured: Sequence[MeasuredModel],
    verdict: Verdict | None,
    shown: EvaluationOptions,
    *,
    ascii_only: bool,
) -> None:
    evaluations = [model.stored.result for model in measured]
    if shown.json:
        print(results_json({found.model: found.metrics for found in evaluations}, verdict))
        return
    if shown.csv:
        sys.stdout.write(results_csv((run.name, found) for found in evaluations))
        return
    console = make_console()
    setting = measured[0].setting
    noise = ", dequantised" if setting.dequantized else ""
    what = f"{setting.data}, sigma {setting.sigma}, zdim {setting.zdim}{noise}"
    print_evaluation(console, evaluations, () if verdict is not None else (what,))
    for grid in (grid for model in measured for grid in model.grids) if shown.pictures else ():
        print_picture(console, grid.picture(""), grid.pixels, ascii_only=ascii_only)
    if verdict is not None:
        print_verdict(console, verdict)
    if all(model.kept for model in measured):
        print(f"kept in {printable(str(measured[0].run.path / 'evaluation'))}")


def _check_kept(measured: Sequence[MeasuredModel], *, hindered: bool) -> None:
    """
    Raises:
        RunStoreError: Results could not be stored, although this process is the writer.
    """
    lost = ", ".join(f"{model.spec.name} of {model.run.name}" for model in measured if not model.kept)
    if lost and not hindered:
        raise RunStoreError(f"the results of {lost} could not be kept there; is the disk full?")


def compare(
    runs_dir: Path,
    texts: Sequence[str],
    baseline: str | None,
    config: EvaluationConfig,
    shown: EvaluationOptions,
    signals: StopSignals,
) -> None:
    """Compare the models of runs, or of a study; models without results of these sizes are measured first.

    If a loop of the user's own writes one of the runs, the logs of all are compared.

    Raises:
        UsageError: They cannot be compared. So with the errors of :func:`evaluate`.
    """
    prepare_output(DisplayConfig())
    study = study_alone(runs_dir, texts)
    if study is not None:
        _compare_study(study, baseline, config, shown, signals)
        return
    # A run is one, by whatever path or link it is named: compared with itself it would count as another seed.
    runs: dict[Path, RunDirectory] = {}
    for text in texts:
        run = find_run(runs_dir, text)
        runs.setdefault(run.path.resolve(), run)
    own_loop = next((run.name for run in runs.values() if options_of_own_loop(run) is not None), None)
    if own_loop is not None:
        if baseline is not None or shown != EvaluationOptions() or config != EvaluationConfig():
            raise UsageError(
                f"{own_loop} comes from a custom training loop, without weights to evaluate: its log is "
                "compared, to which no option applies"
            )
        print_logged(make_console(), [state_of(run) for run in runs.values()])
        return
    measured, hindered = _measure(named_apart(list(runs.values())), config, signals, again=False, trust=shown.trust)
    from tui_vae.app.evaluate_run import compared, compared_options  # noqa: PLC0415

    comparison = compared(measured, baseline)
    names, options = compared_options(measured)
    if shown.json:
        by_run = {row.name: dict(zip(names, row.values, strict=True)) for row in options}
        print(results_json({one.model: one.values for one in comparison.summaries}, comparison.verdict, by_run))
    elif shown.csv:
        sys.stdout.write(results_csv((model.run.name, model.stored.result) for model in measured))
    else:
        print_comparison(make_console(), comparison.summaries, comparison.verdict, list(map(printable, names)), options)
    _check_kept(measured, hindered=hindered)


def _compare_study(
    directory: StudyDirectory,
    baseline: str | None,
    config: EvaluationConfig,
    shown: EvaluationOptions,
    signals: StopSignals,
) -> None:
    """Compare the models of a study; trials that are finished and have no results of these sizes are measured first."""
    from tui_vae.app.study.answer import StudyResults  # noqa: PLC0415 - SciPy
    from tui_vae.headless.study_answer import print_study_answer  # noqa: PLC0415

    results = StudyResults(directory, config)
    if results.unevaluated:
        runs = [directory.run(row.trial) for row in results.unevaluated]
        measured, hindered = _measure(runs, config, signals, again=False, trust=shown.trust)
        _check_kept(measured, hindered=hindered)
        results.read()
    answer = results.answer(baseline)
    if shown.json:
        print(results.as_json(answer))
    elif shown.csv:
        sys.stdout.write(results.as_csv())
    else:
        print_study_answer(make_console(), answer)


@contextlib.contextmanager
def _log_of(run: RunDirectory, bar: EvaluationBar) -> Iterator[tuple[Callable[[Event], None], str | None]]:
    """Become the writer of the run, if possible.

    Yields:
        What shows events in the bar and, as the writer, logs them; why this process is not the writer, or ``None``.
    """
    from tui_vae.app.evaluate_run import log_writer  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        try:
            log = stack.enter_context(log_writer(run, lambda holder, left: bar.say(waits_for(holder, left))))
        except RunStoreError as error:
            yield bar.show, str(error)
            return

        def emit(event: Event) -> None:
            log(event)
            bar.show(event)

        yield emit, None
