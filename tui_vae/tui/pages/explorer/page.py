"""The latent explorer: keys move through the latent space of a model, and the decoded digit changes at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget

from tui_vae.charts.palette import styles_of
from tui_vae.tui.keys import EXPLORER
from tui_vae.tui.pages.explorer.view import ExplorerContent, ExplorerView
from tui_vae.tui.pages.explorer.worker import DecodeRequest, DecodeResult, ExplorerWorker
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.latent_charts import latents_by_kl
from tui_vae.view.run_source import RunSource, moved
from tui_vae.view.sanitize import printable
from tui_vae.view.series import FloatArray
from tui_vae.view.state import ModelState
from tui_vae.view.status_text import NO_WEIGHTS


@dataclass(frozen=True, eq=False)
class LatentPosition:
    """A position in the latent space of one model. No two are equal.

    Attributes:
        z: The latent code; while a new one is being encoded, the one before; ``None`` at the start.
        image: Number of the held-out image that it started from.
        random: Whether it was drawn from the prior.
        was_moved: Whether keys have moved it since.
        latents: The latents of ``←→`` and ``↑↓``; ``None`` until one is chosen.
        plane: Whether keys move two latents.
    """

    z: FloatArray | None = None
    image: int | None = None
    random: bool = False
    was_moved: bool = False
    latents: tuple[int, int] | None = None
    plane: bool = False


_START = LatentPosition()


class Answered(Message):
    """An image was decoded."""

    def __init__(self, result: DecodeResult) -> None:
        super().__init__()
        self.result = result


class ExplorerPage(Page):
    """Follows the model that is selected in the table, and its newest weights; each model keeps its own position."""

    BINDINGS: ClassVar[list[Binding]] = EXPLORER  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(id="explorer")
        self._view = ExplorerView()
        self._explorer: tuple[RunSource, ExplorerWorker] | None = None
        self._positions: dict[str, LatentPosition] = {}
        self._answers: dict[str, DecodeResult] = {}
        self._asked: DecodeRequest | None = None
        self._latest: PageContext | None = None
        self._drawn: tuple[object, ...] = ()
        self._random = np.random.default_rng()

    def compose(self) -> ComposeResult:
        yield self._view

    def panels(self) -> list[Widget]:
        return [self._view]

    def on_unmount(self) -> None:
        if self._explorer is not None:
            self._explorer[1].close()

    def on_resize(self) -> None:
        self._drawn = ()
        self._draw()

    def show(self, context: PageContext) -> None:
        self._latest = context
        self._ask()
        self._draw()

    # What keys do.

    def action_walk(self, axis: int, direction: int) -> None:
        """Move along the latent of an axis; without a plane, ``↑↓`` choose another latent."""
        model = self._model
        position, order = self._position, self._order
        if model is None or position.z is None or not order or self._awaits_start:
            return
        if axis == 1 and not position.plane:
            self.action_choose(0, -direction)
            return
        latent = self._chosen[axis]
        self._go(replace(position, z=moved(position.z, latent, direction), was_moved=True))

    def action_choose(self, axis: int, direction: int) -> None:
        """Choose the next latent of the list for an axis, cyclically."""
        order = self._order
        if not order or (axis == 1 and not self._position.plane):
            return
        latents = [*self._pair]
        others = [latents[1 - axis]] if self._position.plane else []
        at = order.index(latents[axis])
        for _ in order:
            at = (at + direction) % len(order)
            if order[at] not in others:
                break
        latents[axis] = order[at]
        self._go(replace(self._position, latents=(latents[0], latents[1])))

    def action_plane(self) -> None:
        first, second = self._pair if self._order else (0, 0)
        if self._order and first == second:
            second = next((latent for latent in self._order if latent != first), first)
        self._go(
            replace(self._position, plane=not self._position.plane, latents=(first, second) if self._order else None)
        )

    def action_image(self, direction: int) -> None:
        before = self._position.image
        image = direction - 1 if before is None and direction > 0 else (before or 0) + direction
        self._go(replace(self._position, image=image, random=False, was_moved=False))

    def action_random(self) -> None:
        if self._position.z is not None:
            z = self._random.standard_normal(len(self._position.z))
            self._go(replace(self._position, z=z, image=None, random=True, was_moved=False))

    def action_reset(self) -> None:
        self._go(replace(self._position, image=None, random=False, was_moved=False))

    def step(self, direction: int) -> None:
        self.action_walk(0, direction)

    # Requests and results.

    @property
    def _model(self) -> ModelState | None:
        context = self._latest
        return context.state.models.get(context.settings.selected or "") if context is not None else None

    @property
    def _position(self) -> LatentPosition:
        model = self._model
        return self._positions.get(model.name, _START) if model is not None else _START

    @property
    def _awaits_start(self) -> bool:
        """Whether the code to start from is still being computed."""
        return self._asked is not None and self._asked.z is None

    @property
    def _order(self) -> list[int]:
        """The latents in the order of their KL, or of their index if that is unknown or the user wants it."""
        model, z = self._model, self._position.z
        if model is None or self._latest is None:
            return []
        epoch = model.last_latents
        zdim = len(z) if z is not None else 0
        known = epoch.kl_per_latent if epoch is not None else None
        if known is None or len(known) != zdim or self._latest.settings.by_index:
            return list(range(zdim))
        return latents_by_kl(known)

    @property
    def _pair(self) -> tuple[int, int]:
        """The latents of both axes; at first those with the largest KL."""
        order = self._order
        pair = self._position.latents or (order[0], order[min(1, len(order) - 1)])
        return pair if max(pair) < len(order) else (order[0], order[min(1, len(order) - 1)])

    @property
    def _chosen(self) -> tuple[int, ...]:
        return self._pair if self._position.plane else self._pair[:1]

    def _go(self, position: LatentPosition) -> None:
        if self._model is not None:
            self._positions[self._model.name] = position
            self._ask()
            self._draw()

    def _ask(self) -> None:
        """Request the image at the position, unless it was requested with these weights."""
        context, model, position = self._latest, self._model, self._position
        if context is None or context.source is None or model is None or model.latest is None:
            return
        if self._explorer is None or self._explorer[0] is not context.source:
            if self._explorer is not None:
                self._explorer[1].close()
            self._explorer = (
                context.source,
                ExplorerWorker(context.source, lambda result: self.post_message(Answered(result))),
            )
        # An unmoved position stays at its image, or at the prior's mean, with other weights too.
        stays = position.z is None or not (position.was_moved or position.random)
        z = None if stays or position.z is None else tuple(position.z.tolist())
        request = DecodeRequest(model.name, model.latest.step, z, position.image)
        answered = self._answers.get(model.name)
        if request != self._asked and (answered is None or answered.request != request):
            self._asked = request
            self._explorer[1].ask(request)

    def on_answered(self, message: Answered) -> None:
        result = message.result
        if result.request != self._asked:  # a newer request is being decoded
            return
        self._asked, name = None, result.request.model
        self._answers[name] = result
        if result.z is not None:
            self._positions[name] = replace(self._positions.get(name, _START), z=result.z)
        self._draw()

    def _draw(self) -> None:
        context, model = self._latest, self._model
        if context is None:
            return
        result = self._answers.get(model.name) if model is not None else None
        kl = model.last_held_out if model is not None else None
        settings = context.settings
        revision = (model and (model.name, model.latest), result, self._position, kl, settings, self.size)
        if revision == self._drawn:
            return
        self._drawn = revision
        self._view.caption.say(self._title(model, result), _keys(self.size.width, plane=self._position.plane))
        self._view.show(self._look(model, result), draw=settings.draw)

    def _look(self, model: ModelState | None, result: DecodeResult | None) -> ExplorerContent | str:
        assert self._latest is not None
        if model is None or self._latest.source is None:
            return "waiting for the run"
        name = printable(model.name)
        if model.latest is None:
            if self._latest.state.own_loop:
                return f"nothing to explore: {NO_WEIGHTS}"
            return f"{name} has no checkpoint yet; one is saved at every epoch"
        if result is None:
            return f"loading the weights of {name}"
        if result.refused is not None or result.z is None or result.picture is None:
            return result.refused or ""
        pictures = [("mean of p(x|z)", result.picture)]
        if result.encoded is not None:
            pictures.insert(0, (f"image, a {result.encoded.label}", result.encoded.original))
        epoch = model.last_latents
        kl = epoch.kl_per_latent if epoch is not None else None
        style = styles_of(self._latest.state, ascii_only=self._latest.settings.ascii_only)[model.name]
        z = self._position.z if self._position.z is not None and len(self._position.z) == len(result.z) else result.z
        return ExplorerContent(
            tuple(pictures),
            z,
            np.array(kl) if kl is not None and len(kl) == len(result.z) else None,
            self._order,
            self._chosen,
            Style.parse(style.style),
        )

    def _title(self, model: ModelState | None, result: DecodeResult | None) -> Text:
        assert self._latest is not None
        if model is None:
            return Text(" latents ")
        style = styles_of(self._latest.state, ascii_only=self._latest.settings.ascii_only)[model.name]
        title = Text.assemble(" latents of ", (f"{style.marker} {printable(model.name)}", style.style))
        if result is not None and result.refused is None:
            title.append(f" · epoch {result.epoch} · z: {_place(self._position, result)}", style="dim")
        title.truncate(max(4, self.size.width - 6), overflow="ellipsis")
        return title.append(" ")


def _place(position: LatentPosition, result: DecodeResult) -> str:
    start = "from the prior" if position.random else "the prior's mean"
    if result.encoded is not None:
        start = f"mean of q(z|x) of held-out image {result.encoded.number + 1}"
    return f"{start}, moved" if position.was_moved else start


def _keys(width: int, *, plane: bool) -> str:
    """Return as many of the key hints as fit."""
    keys = ["←→ ↑↓ move" if plane else "←→ move  ↑↓ latent", "d image", "n random", "r reset", "b plane", "esc back"]
    keys += [", . < > latents", "m model"] if plane else ["m model"]
    while len(keys) > 1 and sum(len(key) + 2 for key in keys) > width - 6:
        keys.pop()
    return "  ".join(keys)
