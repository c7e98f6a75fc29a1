"""The commands. Each is thin; what it needs is imported inside it, so that ``--help`` is instant."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tui_vae import __version__
from tui_vae.app.signals import StopSignals
from tui_vae.app.terminal import prepare_output
from tui_vae.cli.option_builder import (
    CONFIGS,
    NOT_OF_A_STUDY,
    CommandHelp,
    GroupHelp,
    configurations,
    display_of,
    evaluation_of,
    runs_dir_of,
    with_options,
)
from tui_vae.config import DisplayConfig, EvaluationConfig, StudyConfig, TrainConfig
from tui_vae.errors import ExitCode, TuiVaeError, system_failure
from tui_vae.view.sanitize import printable

# Typer carries its own copy of click from some version on; the root of its usage errors is reached from its own name.
_CommandLineError: type[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

_HELP = (
    "Train Gaussian VAEs side by side, live in the terminal.\n\n"
    "Without options: a linear baseline and a deeper model, 20 epochs of MNIST, in the interface. "
    "Every run is kept in a directory of its own."
)
_WRITES_FAIL_WITH = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Errors of a write: if the error names no file, it was to stdout."""

_EPILOG = "Example: tui-vae --model baseline= --model wide=1024 --zdim 16 --epochs 10"

app = typer.Typer(
    cls=GroupHelp,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def run(signals: StopSignals) -> int:
    """Run the command line of this process; returns its exit code.

    A reader that leaves, as ``head`` does, is no failure. The command group's own ``main`` would make it one.
    """
    code, starved = ExitCode.OK, False
    prepare_output(DisplayConfig())  # help, too, has characters that not every output can show
    try:
        code = _invoke(signals)
        sys.stdout.flush()
    except TuiVaeError as error:
        code = _print_error(str(error), error.exit_code)
    except _CommandLineError as error:
        message: str = error.format_message()
        code = _print_error(f"{message} (tui-vae --help lists the options)", ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = ExitCode.STOPPED
    except BrokenPipeError:
        pass
    except Exception as error:
        code = _print_error(_describe(error), ExitCode.MODEL_FAILED)
        starved = not isinstance(error, OSError) and system_failure(error) is not None
    _drop_what_cannot_be_written()
    if starved and all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        os._exit(code)  # libraries that got half of what they need may abort when they are taken apart
    return code


def _invoke(signals: StopSignals) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("tui-vae", sys.argv[1:], obj=signals) as context:
            result = command.invoke(context)
            return result if isinstance(result, int) else ExitCode.OK
    except typer.Exit as left:
        return left.exit_code
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # Rich's console, on which help is printed, leaves so
            return ExitCode.OK
        raise


def _describe(error: Exception) -> str:
    """Describe an error that is not the program's own."""
    failure = system_failure(error)
    if failure is None:
        return f"internal error: {type(error).__name__}: {error}; --debug shows where"
    if isinstance(error, OSError) and error.filename is None and error.errno in _WRITES_FAIL_WITH:
        return f"the output cannot be written ({failure})"
    return failure


def _drop_what_cannot_be_written() -> None:
    """Keep Python from failing when it flushes its streams at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_error(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # stderr may be closed; the exit code remains
        if "--debug" in sys.argv[1:]:
            traceback.print_exc()
        sys.stderr.write(f"tui-vae: {printable(' '.join(message.split()))}\n")
        sys.stderr.flush()
    return code


_Trust = Annotated[
    bool,
    typer.Option(
        "--trust", metavar="", help="Run the stored copy of your own networks, even if the original file has changed."
    ),
]
_RunsDir = Annotated[
    str | None,
    typer.Option("--runs-dir", metavar="DIR", help=r"Directory of the runs.  \[default: runs] \[env: TUI_VAE_RUNS]"),
]


@app.command(cls=CommandHelp)
@with_options(DisplayConfig, without=("no_ui", "json", "quiet"))
def runs(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    options: Mapping[str, Any],
    run: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Names, paths or latest.  [default: all]")
    ] = None,
    sort: Annotated[str, typer.Option(metavar="age|name|elbo|state|size", help="Order.")] = "age",
    pattern: Annotated[
        str | None, typer.Option("--filter", metavar="GLOB", help="Only runs whose name or state matches.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", metavar="", help="JSON Lines: one object per run.")] = False,
    delete: Annotated[bool, typer.Option("--delete", metavar="", help="Delete these runs, after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Delete without asking.")] = False,
    open_: Annotated[
        bool,
        typer.Option("--open", metavar="", help="Browse the runs in the interface: preview, compare, resume."),
    ] = False,
    trust: _Trust = False,
    runs_dir: _RunsDir = None,
) -> None:
    """List the stored runs, newest first, or delete some."""
    if open_:
        if run or json or delete or yes or pattern is not None or sort != "age":
            raise typer.BadParameter("--open can be combined with --runs-dir and the options of the interface only")
        from tui_vae.cli.watch import open_library  # noqa: PLC0415

        raise typer.Exit(open_library(runs_dir_of(runs_dir), display_of(options), ctx.obj, trust=trust))
    if trust or any(value not in (None, False) for value in options.values()):
        raise typer.BadParameter(
            "--ascii, --color, --theme, --notify, --fps and --trust are for the interface: add --open"
        )
    from tui_vae.cli.runs import delete_runs, show_runs  # noqa: PLC0415

    if delete:
        if json or pattern is not None:
            raise typer.BadParameter("--delete takes names and cannot be combined with --filter or --json")
        raise typer.Exit(delete_runs(runs_dir_of(runs_dir), run or (), yes=yes))
    if yes:
        raise typer.BadParameter("--yes needs --delete")
    show_runs(runs_dir_of(runs_dir), run or (), sort=sort, pattern=pattern, as_json=json)


@app.command(cls=CommandHelp)
@with_options(DisplayConfig)
def watch(
    ctx: typer.Context,
    options: Mapping[str, Any],
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run or a study: its name, a path, or latest.")
    ] = "latest",
    control: Annotated[
        bool, typer.Option("--control", metavar="", help="Let keys pause, resume, save and stop the run.")
    ] = False,
    trust: _Trust = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Watch a run or a study of another process, or a finished one."""
    from tui_vae.cli.watch import watch_run  # noqa: PLC0415

    code = watch_run(run, runs_dir_of(runs_dir), display_of(options), control=control, trust=trust, signals=ctx.obj)
    raise typer.Exit(code)


@app.command(cls=CommandHelp)
def plot(  # noqa: PLR0913, PLR0917 - one for each option
    run: Annotated[list[str], typer.Argument(metavar="RUN", help="Names, paths or latest; several share one chart.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="loss, elbo, reconstruction, kl, kl_weight, active_units, free_latents or images_per_second. "
            "Repeatable.  \\[default: elbo]",
        ),
    ] = None,
    x: Annotated[str, typer.Option("--x", metavar="steps|epochs|time", help="Quantity along the x axis.")] = "steps",
    log: Annotated[bool, typer.Option("--log", metavar="", help="Logarithmic y axis.")] = False,
    smooth: Annotated[int, typer.Option(metavar="N", help="Smooth curves over this many points.")] = 1,
    width: Annotated[
        int | None, typer.Option(metavar="COLUMNS", help="\\[default: of the terminal; 80 into a pipe]")
    ] = None,
    height: Annotated[
        int | None, typer.Option(metavar="LINES", help="Chart height.  \\[default: of the terminal; 20 into a pipe]")
    ] = None,
    color: Annotated[str, typer.Option(metavar="auto|always|never", help="Colour in the output.")] = "auto",
    ascii: Annotated[bool, typer.Option("--ascii", metavar="", help="Draw with ASCII only.")] = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Plot curves of stored runs, on the terminal or into a pipe."""
    from tui_vae.cli.plot import PlotOptions, plot_runs  # noqa: PLC0415

    options = PlotOptions(tuple(metric or ()), x, log, smooth, width, height)
    plot_runs(runs_dir_of(runs_dir), run, options, DisplayConfig(color=color, ascii=ascii))


@app.command(cls=CommandHelp)
def export(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, a path, or latest.")],
    to: Annotated[str, typer.Option("--to", metavar="csv|parquet|tensorboard", help="Format.")] = "csv",
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DIR", help=r"Output folder.  \[default: named after the run]"),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", metavar="", help="Keep exporting while the run trains.")] = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Export the curves and evaluations of a run for other tools."""
    from tui_vae.cli.export import export  # noqa: PLC0415

    raise typer.Exit(export(runs_dir_of(runs_dir), run, to, output, follow=follow, signals=ctx.obj))


_Json = Annotated[bool, typer.Option("--json", metavar="", help="One JSON object on stdout.")]
_Csv = Annotated[bool, typer.Option("--csv", metavar="", help="CSV on stdout: one row per model and metric.")]


@app.command(cls=CommandHelp)
@with_options(EvaluationConfig)
def evaluate(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    options: Mapping[str, Any],
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, a path, or latest.")],
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this model. Repeatable.  \\[default: all]")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", metavar="", help="Also print pictures: samples, chains and more.")
    ] = False,
    json: _Json = False,
    csv: _Csv = False,
    trust: _Trust = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Evaluate the models of a run: likelihood, sample fidelity, posterior collapse, pictures, and a verdict."""
    config = evaluation_of(options)
    from tui_vae.cli.evaluate import EvaluationOptions, evaluate  # noqa: PLC0415

    evaluate(runs_dir_of(runs_dir), run, model or (), config, EvaluationOptions(json, csv, pictures, trust), ctx.obj)


@app.command(cls=CommandHelp)
@with_options(EvaluationConfig)
def compare(
    ctx: typer.Context,
    options: Mapping[str, Any],
    run: Annotated[list[str], typer.Argument(metavar="RUN", help="Names, paths or latest; or one study.")],
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Model to compare with.  \\[default: the one with the fewest parameters]"),
    ] = None,
    json: _Json = False,
    csv: _Csv = False,
    trust: _Trust = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Compare models across seeds: intervals, differences to the baseline, and a verdict."""
    config = evaluation_of(options)
    from tui_vae.cli.evaluate import EvaluationOptions, compare  # noqa: PLC0415

    compare(runs_dir_of(runs_dir), run, baseline, config, EvaluationOptions(json, csv, trust=trust), ctx.obj)


@app.command(cls=CommandHelp)
def report(
    run: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Names, paths or latest; several in one report. Or one study.")
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Output file.  \\[default: report-RUN.html]"),
    ] = None,
    figures: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Figures as PDF, SVG and PNG, tables as CSV and LaTeX, for a paper."),
    ] = None,
    markdown: Annotated[
        str | None, typer.Option(metavar="FILE", help="The report as Markdown, its pictures in a folder beside it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", metavar="", help="Replace files that exist.")] = False,
    runs_dir: _RunsDir = None,
) -> None:
    """Write a report of runs: one page with models, curves, pictures, metrics, verdict, and how it was made."""
    from tui_vae.cli.report import report_runs  # noqa: PLC0415

    report_runs(runs_dir_of(runs_dir), run, output, figures, markdown, force=force)


@app.command(cls=CommandHelp)
def bench(
    ctx: typer.Context,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Repetitions of everything.")] = 2,
    epochs: Annotated[int, typer.Option(min=2, metavar="N", help="Epochs of each measured training.")] = 3,
    growth: Annotated[
        bool,
        typer.Option("--growth", metavar="", help="Measure how the cost grows with model size, batch and models."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", metavar="", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure this machine: training, start-up, the interface's cost, opening a long run, evaluation.

    It takes about six minutes per repetition on two cores.
    """
    from tui_vae.cli.bench import bench  # noqa: PLC0415

    bench(repeat=repeat, epochs=epochs, growth=growth, as_json=json, signals=ctx.obj)


@app.command(cls=CommandHelp)
@with_options(TrainConfig, StudyConfig, DisplayConfig, without=NOT_OF_A_STUDY)
def study(
    ctx: typer.Context,
    options: Mapping[str, Any],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")],
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V1,V2,…",
            help="An option and its values, such as sigma=0.2,0.5. Repeatable.",
            rich_help_panel="Study",
        ),
    ] = None,
    runs_dir: _RunsDir = None,
) -> None:
    """Train every model with every setting and seed as trials on Ray; repeat the command to continue."""
    from tui_vae.cli.study import study  # noqa: PLC0415

    raise typer.Exit(study(runs_dir_of(runs_dir), name, vary or (), options, ctx.obj))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tui-vae {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True, help=_HELP, epilog=_EPILOG)
@with_options(*CONFIGS)
def train(
    ctx: typer.Context,
    options: Mapping[str, Any],
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help="Add the traceback to an error.", rich_help_panel="Display")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", metavar="", help="Show the version and exit.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Train in the front end that fits."""
    if ctx.invoked_subcommand is not None:
        if any(value not in (None, False, []) for value in options.values()):
            raise typer.BadParameter(
                f"train options cannot be combined with '{ctx.invoked_subcommand}'; put its own after its name"
            )
        return
    from tui_vae.app.train import run_training  # noqa: PLC0415

    chosen = configurations(options)
    raise typer.Exit(run_training(chosen.train, chosen.typed, chosen.store, chosen.display, signals=ctx.obj))
