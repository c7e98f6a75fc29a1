"""What makes an interface in memory cheap: it takes a third less than one that is shown by a terminal."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from textual import _wait
from textual._compositor import Compositor
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from tui_vae.tui import redraw

_updates = 0
_parse_rules = Stylesheet._parse_rules
_render_update = Compositor.render_update


def spare(patch: pytest.MonkeyPatch) -> None:
    """Redraw at once, wait less, parse a style sheet once, and render no updates for a terminal that is not there.

    Half of all messages were those by which the pilot asked every widget whether it has done its work.

    What a test looks at is rendered when it looks.
    """
    # Redraw as often as asked, however long it takes: a test waits for what is shown.
    patch.setattr(redraw, "SHARE", 1e9)
    # The pilot takes the app for idle when little is computed in so many seconds.
    patch.setattr(_wait, "SLEEP_GRANULARITY", 0.005)
    patch.setattr(_wait, "SLEEP_IDLE", 0.001)
    patch.setattr(Pilot, "_wait_for_screen", _wait_for_screen)
    patch.setattr(Stylesheet, "_parse_rules", _parse_once)
    patch.setattr(Compositor, "render_update", _no_update)


async def _wait_for_screen(pilot: Pilot[Any], timeout: float = 30.0) -> bool:
    """Wait until each widget has had nothing to do, as Textual's own does, without a message to each."""
    app = pilot.app
    pumps: list[MessagePump] = [app, *app.screen.walk_children(with_self=True)]
    async with asyncio.timeout(timeout):
        while pumps := [pump for pump in pumps if not _has_nothing_to_do(pump)]:
            if app._exception_event.is_set():
                return False
            await asyncio.sleep(0)
    return True


def _has_nothing_to_do(pump: MessagePump) -> bool:
    queue = pump._message_queue
    return pump._closing or pump._closed or (queue.empty() and bool(queue.ready_event._waiters))


@functools.cache
def _rules(variables: frozenset[tuple[str, str]], *source: Any) -> list[RuleSet]:
    return _parse_rules(Stylesheet(variables=dict(variables)), *source)


def _parse_once(
    stylesheet: Stylesheet,
    css: str,
    read_from: tuple[str, str],
    is_default_rules: bool = False,
    tie_breaker: int = 0,
    scope: str = "",
) -> list[RuleSet]:
    variables = frozenset(stylesheet._variables.items())
    return _rules(variables, css, read_from, is_default_rules, tie_breaker, scope)


def tidying() -> Iterator[None]:
    """Look for garbage when an interface has ended, and never again at what Textual keeps of it in its caches.

    The usual looks in between took two fifths of the time of an interface that starts and ends.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*thresholds)
    gc.collect()
    gc.freeze()


def updates() -> int:
    """How often a screen has been drawn again, or a part of it."""
    return _updates


def _no_update(compositor: Compositor, full: bool = False, **options: Any) -> Any:
    global _updates  # noqa: PLW0603
    _updates += 1
    if full:  # a picture of the screen that is saved
        return _render_update(compositor, full=True, **options)
    compositor._dirty_regions.clear()
    return None
