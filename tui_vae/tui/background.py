"""Run blocking calls in daemon threads.

Textual's thread workers would do, but the process waits for them when it ends: a call that hangs on a disk or imports
torch would keep the user waiting.
"""

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
    """Run a blocking call in a thread and pass its result to the interface's thread.

    Args:
        app: The interface; the result is dropped if it ends first.
        do: The blocking call.
        then: Called with the result.
        failed: Called with a one-line error message instead.
    """

    def run() -> None:
        try:
            outcome = do()
        except TuiVaeError as error:
            app.call_later(failed, str(error))
        # The user reads the message; nothing else could handle the error.
        except Exception as error:
            app.call_later(failed, system_failure(error) or f"internal error: {type(error).__name__}: {error}")
        else:
            app.call_later(then, outcome)

    threading.Thread(target=run, name="blocking call", daemon=True).start()


Report = Callable[[str], None]
OpenSource = Callable[[Report], RunSource]


class RunOpener:
    """Opens a run in a thread, so that the interface is on screen before torch is imported.

    Args:
        open_source: Opens the run, and reports what it waits for; ``None`` if there is none to open.

    Attributes:
        waiting: What is waited for; ``None`` when the run is open or could not be opened.
        source: The run, once it is open.
        error: Why it could not be opened.
    """

    def __init__(self, open_source: OpenSource | None) -> None:
        self._open = open_source
        self.waiting: str | None = "starting" if open_source is not None else None
        self._since = time.monotonic()
        self.source: RunSource | None = None
        self.error: BaseException | None = None

    @property
    def seconds(self) -> float:
        """How long the current step has taken."""
        return time.monotonic() - self._since

    def start(self) -> None:
        if self._open is not None:
            threading.Thread(target=self._run, args=(self._open,), name="run opener", daemon=True).start()

    def _run(self, open_source: OpenSource) -> None:
        try:
            self.source = open_source(self._report)
        # Raised again in the main thread, when the interface has ended.
        except BaseException as error:
            self.error = error
        self.waiting = None

    def _report(self, text: str) -> None:
        self.waiting, self._since = text, time.monotonic()
