"""Rename and delete stored runs, each in one step for all readers.

Both hold the run's lease meanwhile: a run that trains is refused, and none can be resumed before they are done.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from tui_vae.config import check_name
from tui_vae.errors import RunStoreError
from tui_vae.run_store.directory import RunDirectory, store_names
from tui_vae.run_store.find import renamed, runs_in
from tui_vae.run_store.lease import Lease, Waiting

_TRASH = ".deleted-"
"""Prefix of folders that are being deleted; hidden folders are no runs."""


def rename_run(run: RunDirectory, name: str) -> RunDirectory:
    """Rename a run, or the link to it if its folder is a link; returns it under its new path.

    Raises:
        UsageError: The name is not allowed.
        RunStoreError: Another run has that name, the run is being written, or its folder cannot be renamed.
    """
    check_name(name, "a run name")
    there = renamed(run, name)
    if there.path == run.path:
        return run
    # Case does not count: to some file systems "Otter" and "otter" are one name.
    others = [other for other in runs_in(run.path.parent) if other.path != run.path]
    if any(other.name.casefold() == name.casefold() for other in others) or there.path in run.path.parent.iterdir():
        raise RunStoreError(f"another run is called {name}; choose another name")
    lease = Lease.acquire(run)
    try:
        store_names(run, name, run.name)  # also the old one, which is valid until the folder is renamed
        lease.move(there)
    except OSError as error:
        raise RunStoreError(f"{run.path}: cannot be renamed ({error.strerror})") from error
    finally:
        lease.release()
    return there


def delete_run(run: RunDirectory, waiting: Waiting | None = None) -> None:
    """Delete a run for good, and what is left of runs whose deletion was interrupted.

    Its folder is renamed first, so that it stops being a run at once, however long removing its files takes. Of a run
    behind a link only the link is removed: the folder may be in use elsewhere.

    Args:
        run: The run.
        waiting: As for :meth:`tui_vae.run_store.lease.Lease.acquire`.

    Raises:
        RunStoreError: It is being written, or cannot be deleted; the message says what is left.
    """
    if run.path.is_symlink():
        _remove_link(run)
        return
    lease = Lease.acquire(run, waiting=waiting)
    trash = RunDirectory(run.path.with_name(f"{_TRASH}{secrets.token_hex(8)}"), run.name)
    try:
        lease.move(trash)
    except OSError as error:
        lease.release()
        raise RunStoreError(f"{run.path}: cannot be deleted ({error.strerror})") from error
    try:
        shutil.rmtree(trash.path)
    except OSError as error:
        lease.release()
        raise RunStoreError(f"{trash.path}: what was {run.name} cannot be removed ({error.strerror})") from error
    _remove_leftovers(run.path.parent)


def _remove_link(run: RunDirectory) -> None:
    there = RunDirectory(run.path.resolve(), run.name)
    # In a folder that cannot be written there is no writer that needs the link.
    lease = Lease.acquire(there) if os.access(there.path, os.W_OK) else None
    try:
        run.path.unlink()
    except OSError as error:
        raise RunStoreError(f"{run.path}: the link cannot be removed ({error.strerror})") from error
    finally:
        if lease is not None:
            lease.release()


def _remove_leftovers(runs_dir: Path) -> None:
    """Remove folders whose deletion was interrupted, but not those that another process holds the lease of."""
    for path in runs_dir.glob(f"{_TRASH}*"):
        with contextlib.suppress(RunStoreError):
            lease = Lease.acquire(RunDirectory(path, path.name), patience=0.0)
            shutil.rmtree(path, ignore_errors=True)
            lease.release()
