"""Digits of all models, as large as they fit: at any epoch, or as a film through them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.timer import Timer
from textual.widget import Widget

from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.digits import SAMPLES_AND_RECONSTRUCTIONS, DigitGallery, Part, epochs_with_samples

SECONDS_A_FRAME = 0.25
"""Pace of the film."""

MOST_FRAMES = 120
"""Longer films skip epochs evenly."""

_WAITING = "waiting for the first samples"

_NOT_KEPT = "not kept in this run: see page 4"
"""For runs of a version that drew chains only in the evaluation."""


@dataclass(frozen=True)
class View:
    """Which samples the page shows for every epoch."""

    name: str
    parts: Sequence[Part]


_VIEWS = (
    View("samples and reconstructions", SAMPLES_AND_RECONSTRUCTIONS),
    View("samples", ("samples",)),
    View("reconstructions", ("reconstructions",)),
    View("encode–decode chains", ("chains",)),
    View("interpolations", ("interpolations",)),
)


class DigitsPage(Page):
    """Shows the same z and the same images for all models, at the same epoch."""

    has_filter = True

    def __init__(self) -> None:
        super().__init__(id="digits")
        self._gallery = DigitGallery(_WAITING, id="gallery")
        self._view = 0
        self._epochs: list[int] = []
        self._epoch: int | None = None  # follows the newest
        self._latest: PageContext | None = None
        self._film: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._gallery

    @property
    def view(self) -> View:
        return _VIEWS[self._view]

    def panels(self) -> list[Widget]:
        return [self._gallery]

    def show(self, context: PageContext) -> None:
        self._epochs = epochs_with_samples(context.state)
        self._latest = context
        self._draw()

    def _draw(self) -> None:
        context = self._latest
        if context is None or context.source is None:
            return
        settings, gallery = context.settings, self._gallery
        rows = context.sheets.rows(
            *(context.state, context.source, self._epoch),
            parts=self.view.parts,
            ascii_only=settings.ascii_only,
            wanted=settings.wanted,
        )
        gallery.wait_for(context.empty_message(_NOT_KEPT if self._epochs else _WAITING))
        gallery.show(rows, draw=settings.draw)
        title = f"{self.view.name} · only {settings.wanted}" if settings.wanted else self.view.name
        gallery.caption.say(title, f"{self._where()}  {self._keys()}")

    def _where(self) -> str:
        newest = self._epochs[-1] if self._epochs else 0
        return "newest" if self._epoch is None else f"epoch {self._epoch} of {newest}"

    def _keys(self) -> str:
        film = "f stop" if self._film is not None else "f film"
        keys = [film, "←→ epoch", "v view", "↑↓ scroll"]
        while len(keys) > 1 and len(self._where()) + sum(len(key) + 2 for key in keys) > self.size.width - 8:
            keys.pop()
        return "  ".join(keys)

    def step(self, direction: int) -> None:
        self._stop_film()
        self._go(direction)

    def to_edge(self, direction: int) -> None:
        """Go to the first epoch, or to the newest, which is then followed."""
        self._stop_film()
        self._epoch = self._epochs[0] if direction < 0 and len(self._epochs) > 1 else None

    def _go(self, epochs_on: int) -> None:
        """Go forward by a number of epochs that have samples."""
        epochs = self._epochs
        if not epochs:
            return
        at = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
        at = max(0, at + epochs_on)
        self._epoch = epochs[at] if at < len(epochs) - 1 else None

    def play(self) -> None:
        """Play the film from the current epoch, or from the first if that is the newest; or stop it."""
        epochs = self._epochs
        if self._film is not None:
            self._stop_film()
        elif len(epochs) > 1:
            # A timer of its own: during training, everything else is drawn less often.
            self._film = self.set_interval(SECONDS_A_FRAME, self._next_frame)
            if self._epoch is None:
                self._epoch = epochs[0]

    def _next_frame(self) -> None:
        """Show the next epoch; the film ends with the newest, and waits while the page is hidden."""
        if not self.display or self._latest is None or self._latest.stalled():
            return
        self._go(-(-len(self._epochs) // MOST_FRAMES))
        if self._epoch is None:
            self._stop_film()
        self._draw()

    def _stop_film(self) -> None:
        if self._film is not None:
            self._film.stop()
            self._film = None

    def next_view(self) -> None:
        """Show other samples; a film goes on."""
        self._view = (self._view + 1) % len(_VIEWS)

    def restore(self) -> None:
        self._epoch = None
        self._stop_film()
