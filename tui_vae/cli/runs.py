"""``tui-vae runs``: list the stored runs, or delete some."""

from __future__ import annotations

import fnmatch
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tui_vae.app.terminal import countdown, prepare_output
from tui_vae.config import DisplayConfig
from tui_vae.errors import ExitCode, RunStoreError, UsageError
from tui_vae.headless import make_console
from tui_vae.headless.run_table import RunRow, print_runs
from tui_vae.runs import RunDirectory
from tui_vae.runs.directory import link_trouble
from tui_vae.runs.find import find_run
from tui_vae.runs.rename_delete import delete_run
from tui_vae.runs.summary import ModelSummary, RunSummary, list_runs, summarised_all
from tui_vae.view.numbers import UNKNOWN, age, nats, size
from tui_vae.view.sanitize import printable

_SORTS: dict[str, Callable[[RunSummary], tuple[bool, float | str]]] = {
    "age": lambda found: (False, 0.0),  # as they come
    "name": lambda found: (False, found.run.name.casefold()),
    "elbo": lambda found: (found.elbo is None, -(found.elbo or 0.0)),
    "state": lambda found: (False, found.state),
    "size": lambda found: (False, -found.size),
}
SORTS = tuple(_SORTS)

_MOST_CHARACTERS = 64
_MOST_MODELS = 20
_MOST_SECONDS = 100 * 365 * 86_400.0


def show_runs(runs_dir: Path, texts: Sequence[str], *, sort: str, pattern: str | None, as_json: bool) -> None:
    """Print the runs meant by ``texts``, or all.

    Args:
        runs_dir: Where runs are kept.
        texts: Names, paths or ``latest``.
        sort: One of ``SORTS``; runs that are equal in it stand newest first, or as named.
        pattern: A shell pattern for name or state.
        as_json: As JSON Lines.

    Raises:
        UsageError: There is no such sort.
        RunStoreError: The runs cannot be read, or one is not there.
    """
    prepare_output(DisplayConfig())
    if sort not in _SORTS:
        raise UsageError(f"--sort is one of {', '.join(SORTS)}; got {printable(sort)}")
    found = list(summarised_all([find_run(runs_dir, text) for text in texts]) if texts else list_runs(runs_dir))
    chosen = [summary for summary in found if pattern is None or _matches(summary, pattern)]
    chosen.sort(key=_SORTS[sort])
    for summary in chosen:
        if (trouble := link_trouble(summary.run.path)) is not None:
            sys.stderr.write(f"tui-vae: {printable(str(summary.run.path))}: {printable(trouble)}\n")
    if as_json:
        for summary in chosen:
            print(json.dumps(_record(summary), allow_nan=False))
    elif chosen:
        now = time.time()
        print_runs(make_console(), [_row(summary, now) for summary in chosen])
    elif found:
        print(f"no run in {printable(str(runs_dir))} has a name or state like {printable(pattern or '')}")
    else:
        print(f"no runs in {printable(str(runs_dir))} yet; start one with: tui-vae")


def delete_runs(runs_dir: Path, texts: Sequence[str], *, yes: bool) -> int:
    """Delete runs of ``runs_dir`` for good, after asking; returns the exit code.

    Raises:
        UsageError: No run is named, or nobody can be asked.
        RunStoreError: One is not there, lies elsewhere, is being written, or cannot be deleted.
    """
    if not texts:
        raise UsageError("--delete takes the runs to delete, such as: tui-vae runs --delete quiet-otter")
    runs = list({run.path.absolute(): run for run in (find_run(runs_dir, text) for text in texts)}.values())
    for run in runs:
        if run.path.parent.resolve() != runs_dir.resolve():
            raise RunStoreError(f"{run.path}: not in {runs_dir}, and only runs kept there are deleted; see --runs-dir")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("--delete asks first, and nobody is here to answer; add --yes to delete without asking")
        names = ", ".join(map(_described, runs))
        sys.stderr.write(f"Delete {names} for good? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return ExitCode.OK
    for run in runs:
        described = _described(run)  # while there is a link to say where it leads
        with countdown() as waiting:
            delete_run(run, waiting)
        print(f"deleted {described}")
    return ExitCode.OK


def _described(run: RunDirectory) -> str:
    """Which run of several of one name is meant, and that of one behind a link no more than the link is deleted."""
    where = f"{run.name} ({run.path.name})" if run.name != run.path.name else run.name
    link = f", only the link: the run stays in {run.path.resolve()}" if run.path.is_symlink() else ""
    return printable(where + link)


def _matches(summary: RunSummary, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for text in (summary.run.name, summary.state))


def _row(summary: RunSummary, now: float) -> RunRow:
    models = [(_name(m.name), f"{_whole(m.epoch)}/{_epochs(summary, m)}", _nats(m.elbo)) for m in summary.models]
    if len(models) > _MOST_MODELS:
        models[_MOST_MODELS:] = [(f"and {len(models) - _MOST_MODELS:,} more", "", "")]
    past = now - summary.began if summary.began is not None else None
    return RunRow(
        name=_name(summary.run.name),
        state=summary.state,
        data=_name(summary.dataset or UNKNOWN),
        models=tuple(models),
        age=age(past) if past is not None and past < _MOST_SECONDS else UNKNOWN,
        size=size(summary.size),
    )


# A damaged log may hold any number and any name. One that no run has must not take the table's room from the others.


def _name(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[: _MOST_CHARACTERS - 1]}…"


def _epochs(summary: RunSummary, model: ModelSummary) -> str:
    """Of how many epochs; at least those done, for a model may have been given more while it trained."""
    epochs = summary.epochs if model.epochs is None else model.epochs
    return _whole(max(epochs, model.epoch) if epochs is not None else None)


def _whole(number: int | None) -> str:
    return UNKNOWN if number is None or not 0 <= number < 10**7 else str(number)


def _nats(elbo: float | None) -> str:
    return nats(elbo) if elbo is None or not math.isfinite(elbo) or abs(elbo) < 1e7 else f"{elbo:.2e}"


def _record(summary: RunSummary) -> dict[str, object]:
    return {
        "v": 1,
        "name": summary.run.name,
        "path": str(summary.run.path),
        "state": summary.state,
        "dataset": summary.dataset,
        "epochs": summary.epochs,
        "models": [
            {"model": m.name, "epoch": m.epoch, "epochs": m.epochs, "elbo": _finite(m.elbo)} for m in summary.models
        ],
        "elbo": _finite(summary.elbo),
        "began": _finite(summary.began),
        "bytes": summary.size,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
