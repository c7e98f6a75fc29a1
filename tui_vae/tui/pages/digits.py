"""Digits of all models, as large as they fit: at any epoch or as a film, and chains and interpolations."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.timer import Timer
from textual.widget import Widget

from tui_vae.tui.gallery import Part, epochs_with_samples
from tui_vae.tui.pages.page import Page, Shown
from tui_vae.tui.traces import wanted_models
from tui_vae.tui.widgets.digits import DigitGallery
from tui_vae.tui.widgets.pictures import PictureView

SECONDS_A_FRAME = 0.25
"""Of the film."""

MOST_FRAMES = 120
"""Of many epochs, the film shows as many, evenly picked."""

_WAITING = "waiting for the first samples"


@dataclass(frozen=True)
class View:
    """What the page shows: rows of the gallery, or pictures of the evaluation."""

    name: str
    part: Part | None = None
    pictures: str | None = None
    """The id of the widget that shows them."""


_VIEWS = (
    View("samples and reconstructions"),
    View("samples", part="samples"),
    View("reconstructions", part="reconstructions"),
    View("chains", pictures="chains"),
    View("interpolations", pictures="interpolations"),
)


class DigitsPage(Page):
    """All models show the same z and the same images, at the same epoch."""

    has_filter = True

    def __init__(self) -> None:
        super().__init__(id="digits")
        self._gallery = DigitGallery(_WAITING, id="gallery")
        self._pictures = {
            name: PictureView(name, _coming(name), kinds=kinds, keys="v view", id=name)
            for name, kinds in (("chains", "chain"), ("interpolations", "interpolation"))
        }
        self._view = 0
        self._epochs: list[int] = []
        self._epoch: int | None = None  # follows the newest
        self._shown: Shown | None = None
        self._film: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._gallery
        for pictures in self._pictures.values():
            pictures.display = False
            yield pictures

    @property
    def view(self) -> View:
        return _VIEWS[self._view]

    @property
    def _panel(self) -> DigitGallery | PictureView:
        return self._gallery if self.view.pictures is None else self._pictures[self.view.pictures]

    def panels(self) -> list[Widget]:
        return [self._panel]

    def show(self, shown: Shown) -> None:
        self._epochs = epochs_with_samples(shown.state)
        self._shown = shown
        self._draw()

    def _draw(self) -> None:
        shown = self._shown
        if shown is None or shown.source is None:
            return
        ascii_only, draw = shown.settings.ascii_only, shown.settings.draw
        wanted = shown.settings.wanted
        if isinstance(panel := self._panel, PictureView):
            panel.limit_to(wanted_models(shown.state, wanted), shown.awaited(_coming(self.view.name)))
            panel.show(shown.state, shown.source, ascii_only=ascii_only, draw=draw)
            return
        rows = shown.gallery.rows(
            shown.state, shown.source, self._epoch, ascii_only=ascii_only, only=self.view.part, wanted=wanted
        )
        panel.wait_for(shown.awaited(_WAITING))
        panel.show(rows, draw=draw)
        title = f"{self.view.name} · only {wanted}" if wanted else self.view.name
        panel.caption.say(title, f"{self._where()}  {self._keys()}")

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
        if isinstance(panel := self._panel, PictureView):
            panel.turn(1 if direction > 0 else -1)
            return
        self._stop_film()
        self._go(direction)

    def to_edge(self, direction: int) -> None:
        """To the first epoch or the newest, which is followed from then on; to the first picture or the last."""
        if isinstance(panel := self._panel, PictureView):
            panel.turn_to_edge(direction)
            return
        self._stop_film()
        self._epoch = self._epochs[0] if direction < 0 and len(self._epochs) > 1 else None

    def _go(self, epochs_on: int) -> None:
        """Show the epoch that lies so many of those with samples after the one at hand."""
        epochs = self._epochs
        if not epochs:
            return
        at = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
        at = max(0, at + epochs_on)
        self._epoch = epochs[at] if at < len(epochs) - 1 else None

    def play(self) -> None:
        """Begin the film at the epoch at hand, or at the first where that is the newest; or stop it where it is."""
        epochs = self._epochs
        if self._film is not None:
            self._stop_film()
        elif len(epochs) > 1 and self.view.pictures is None:
            # A clock of its own: beside training, all else is drawn less often.
            self._film = self.set_interval(SECONDS_A_FRAME, self._next_frame)
            if self._epoch is None:
                self._epoch = epochs[0]

    def _next_frame(self) -> None:
        """Show what comes next; the film ends with the newest. It waits while it cannot be seen."""
        if not self.display or self._shown is None or self._shown.stalled():
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
        before = self._panel
        self._stop_film()
        self._view = (self._view + 1) % len(_VIEWS)
        panel = self._panel
        if panel is not before:
            had_focus = before.has_focus
            before.display, panel.display = False, True
            if had_focus:
                # At once, as in the application: a panel that is hidden takes the focus with it.
                self.screen.set_focus(panel)

    def restore(self) -> None:
        self._epoch = None
        self._stop_film()


def _coming(pictures: str) -> str:
    return f"{pictures} come with an evaluation: press e"
