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
from tui_vae.headless.tables import print_runs
from tui_vae.run_status import ListedRun
from tui_vae.run_store import RunDirectory
from tui_vae.run_store.directory import link_trouble
from tui_vae.run_store.find import find_run
from tui_vae.run_store.rename_delete import delete_run
from tui_vae.run_store.study import studies_in
from tui_vae.run_store.summary import list_runs, summarise_all
from tui_vae.run_store.summary_cache import StudyRow
from tui_vae.view.sanitize import printable

_SORTS: dict[str, Callable[[ListedRun], tuple[bool, float | str]]] = {
    "age": lambda found: (False, 0.0),  # as they come
    "name": lambda found: (False, found.name.casefold()),
    "elbo": lambda found: (found.elbo is None, -(found.elbo or 0.0)),
    "state": lambda found: (False, found.state),
    "size": lambda found: (False, -found.size),
}
SORTS = tuple(_SORTS)


def show_runs(runs_dir: Path, texts: Sequence[str], *, sort: str, pattern: str | None, as_json: bool) -> None:
    """Print the runs meant by ``texts``, or all.

    Args:
        runs_dir: Directory of the runs.
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
    if texts:
        found = list(summarise_all([find_run(runs_dir, text) for text in texts]))
    else:
        studies = [StudyRow(study).look(math.inf) for study in studies_in(runs_dir)]
        found = list(list_runs(runs_dir))
        if studies:
            found = sorted([*found, *studies], key=lambda run: run.began or 0.0, reverse=True)
    chosen = [summary for summary in found if pattern is None or _matches(summary, pattern)]
    chosen.sort(key=_SORTS[sort])
    for summary in chosen:
        if (trouble := link_trouble(Path(summary.key))) is not None:
            sys.stderr.write(f"tui-vae: {printable(summary.key)}: {printable(trouble)}\n")
    if as_json:
        for summary in chosen:
            print(json.dumps(_record(summary), allow_nan=False))
    elif chosen:
        print_runs(make_console(), chosen, time.time())
    elif found:
        print(f"no run in {printable(str(runs_dir))} has a name or state like {printable(pattern or '')}")
    else:
        print(f"no runs in {printable(str(runs_dir))} yet; start one with: tui-vae")


def delete_runs(runs_dir: Path, texts: Sequence[str], *, yes: bool) -> int:
    """Delete runs of ``runs_dir`` for good, after asking; returns the exit code.

    Raises:
        UsageError: No run is named, or there is no terminal for the question.
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
            raise UsageError(
                "--delete asks first, and there is no terminal to answer on; add --yes to delete without asking"
            )
        names = ", ".join(map(_described, runs))
        sys.stderr.write(f"Delete {names} for good? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return ExitCode.OK
    for run in runs:
        described = _described(run)  # before the link is gone
        with countdown() as waiting:
            delete_run(run, waiting)
        print(f"deleted {described}")
    return ExitCode.OK


def _described(run: RunDirectory) -> str:
    """Which run of several of one name is meant, and that of one behind a link no more than the link is deleted."""
    where = f"{run.name} ({run.path.name})" if run.name != run.path.name else run.name
    link = f", only the link: the run stays in {run.path.resolve()}" if run.path.is_symlink() else ""
    return printable(where + link)


def _matches(summary: ListedRun, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for text in (summary.name, summary.state))


def _record(summary: ListedRun) -> dict[str, object]:
    return {
        "v": 1,
        "name": summary.name,
        "path": summary.key,
        "state": summary.state,
        "dataset": summary.dataset,
        "epochs": summary.epochs,
        "models": [
            {"model": m.name, "epoch": m.epoch, "epochs": m.epochs, "elbo": _finite(m.elbo)} for m in summary.models
        ],
        "elbo": _finite(summary.elbo),
        "began": _finite(summary.began),
        "bytes": summary.size,
        **({"study": {"finished": summary.trials[0], "trials": summary.trials[1]}} if summary.trials else {}),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
