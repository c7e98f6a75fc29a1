"""An application that the shell can suspend, and that can be told to leave while it is."""

from __future__ import annotations

import os
import signal
import threading

from textual.app import App

from tui_vae.tui.screens.dialogs import Leave

_SECONDS_TO_READ = 10.0
_CANNOT = "ctrl+z: no shell could bring the interface back from here; q leaves it"


class SuspendableApp(App[Leave]):
    """Stops on Ctrl-Z as any program; a :class:`tui_vae.tui.terminal.driver.Suspendable`."""

    def __init__(self) -> None:
        super().__init__()
        self._leaves = threading.Event()

    @property
    def leaves(self) -> bool:
        return self._leaves.is_set()

    def request_leave(self, leave: Leave) -> None:
        """Leave the interface, also while it is suspended; from any thread, and from a signal's handler."""
        self._leaves.set()
        self.call_later(self.exit, leave)

    def request_stop(self, name: str) -> None:
        """Leave at once and stop training, on a signal."""
        self.request_leave(Leave.STOP)

    def action_suspend_process(self) -> None:
        """Send what the terminal would send on Ctrl-Z, were its keys not all for the interface."""
        if self._driver is not None and self._driver.can_suspend:
            os.kill(0, signal.SIGTSTP)
        else:
            self.resumed(stopped=False)

    def suspending(self) -> str:
        """Draw nothing from now on; returns what the user is to know."""
        raise NotImplementedError

    def answered(self) -> None:
        """The terminal has answered that it shows a frame; from any thread."""
        raise NotImplementedError

    def resumed(self, *, stopped: bool) -> None:
        """Draw everything again, and say so where nothing could be suspended."""
        self.refresh(layout=True)
        if not stopped:
            self.notify(_CANNOT, timeout=_SECONDS_TO_READ)
