"""What takes long is done in a thread of its own; its outcome comes back to the interface's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App

from tui_vae.errors import TuiVaeError, system_failure

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
