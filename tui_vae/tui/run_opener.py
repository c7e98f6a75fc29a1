"""Opens a run in a thread of its own, so that the interface is there before torch is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tui_vae.view.run_source import RunSource

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
