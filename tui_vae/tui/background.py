"""Run blocking calls in daemon threads, whose results come back to the interface's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App

from tui_vae.errors import TuiVaeError, system_failure
from tui_vae.view.run_source import RunSource

Outcome = TypeVar("Outcome")


def run_in_thread(
    app: App[Any], do: Callable[[], Outcome], then: Callable[[Outcome], object], failed: Callable[[str], object]
) -> None:
    """Call ``do`` elsewhere, and afterwards ``then`` with what it gave, or ``failed`` with a line for people.

    Whoever leaves the interface does not wait for it, and hears no more of it.
    """

    def run() -> None:
        try:
            outcome = do()
        except TuiVaeError as error:
            app.call_later(failed, str(error))
        # It is told where it can be read; there is nobody else to catch it.
        except Exception as error:
            app.call_later(failed, system_failure(error) or f"internal error: {type(error).__name__}: {error}")
        else:
            app.call_later(then, outcome)

    threading.Thread(target=run, name="errand", daemon=True).start()


Report = Callable[[str], None]
OpenSource = Callable[[Report], RunSource]


class Loader:
    """Calls ``open_source`` in the background, if there is one; the interface looks at the outcome when it likes."""

    def __init__(self, open_source: OpenSource | None) -> None:
        self._open = open_source
        self.waiting: str | None = "starting" if open_source is not None else None
        self._since = time.monotonic()
        self.source: RunSource | None = None
        self.error: BaseException | None = None

    @property
    def seconds(self) -> float:
        """How long what is waited for now has taken."""
        return time.monotonic() - self._since

    def start(self) -> None:
        if self._open is not None:
            threading.Thread(target=self._run, args=(self._open,), name="loader", daemon=True).start()

    def _run(self, open_source: OpenSource) -> None:
        try:
            self.source = open_source(self._report)
        # Whatever goes wrong is raised again where the process can tell it: in its main thread.
        except BaseException as error:
            self.error = error
        self.waiting = None

    def _report(self, text: str) -> None:
        self.waiting, self._since = text, time.monotonic()
