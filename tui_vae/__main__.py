"""The ``tui-vae`` command. Takes over the signals before anything slow is imported."""

from __future__ import annotations

import os
import sys

from tui_vae.app.interpreter import gc_paused
from tui_vae.app.signals import StopSignals
from tui_vae.resource_limits import allowed_cores, cores


def main() -> None:
    _complete_streams()
    _forget_size()
    wait_without_spinning()
    signals = StopSignals()
    signals.install()
    keep_to_quota()
    with gc_paused():
        from tui_vae.cli.app import run  # noqa: PLC0415 - a Ctrl-C meanwhile must already find its handler

    sys.exit(run(signals))


def wait_without_spinning() -> None:
    """Let threads of one product sleep while they wait for each other, unless the user wants it otherwise.

    By default they spin, and where something else needs a core, be it the interface, each waits for one that does not
    run: a step with two threads took up to 20 times as long on a busy machine. Read when torch is loaded, and by
    processes that are started from this one.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def keep_to_quota() -> None:
    """Let libraries compute with no more threads by default than a quota gives processors: they count the machine's.

    Read when they are loaded, and by processes that are started from this one.
    """
    count = cores()
    if count < len(allowed_cores()):
        os.environ.setdefault("OMP_NUM_THREADS", str(count))


def _complete_streams() -> None:
    """Open what the caller closed: else the next file opened would take the place of stdout, and receive its text."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


def _forget_size() -> None:
    """Let a terminal on stdout say how large it is, where the environment would say so once and for all.

    Containers often have ``COLUMNS`` and ``LINES`` of the terminal that they were made in.
    """
    try:
        known = min(os.get_terminal_size(1)) > 0
    except OSError:
        return  # not a terminal
    for name in ("COLUMNS", "LINES") if known else ():
        os.environ.pop(name, None)


if __name__ == "__main__":
    main()
