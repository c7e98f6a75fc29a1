"""The latent explorer: keys move through the latent space of a model, and the digit there changes at once."""

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
from tui_vae.tui.pages.explorer.view import ExplorerView, Look
from tui_vae.tui.pages.explorer.worker import Answer, Explorer, Question
from tui_vae.tui.pages.page import Page, PageContext
from tui_vae.tui.widgets.latent_charts import latents_by_kl
from tui_vae.view.run_source import RunSource, moved
from tui_vae.view.sanitize import printable
from tui_vae.view.series import FloatArray
from tui_vae.view.state import ModelState


@dataclass(frozen=True, eq=False)
class LatentPosition:
    """Where one is in the latent space of one model. No two are equal.

    Attributes:
        z: The place, or the one before while the model has yet to tell it; ``None`` at the beginning.
        image: Number of the held-out image that it began with.
        random: Whether it was drawn from the prior.
        astray: Whether it was moved since.
        latents: The latents of ``←→`` and ``↑↓``; ``None`` until one is chosen.
        plane: Whether two are moved at once.
    """

    z: FloatArray | None = None
    image: int | None = None
    random: bool = False
    astray: bool = False
    latents: tuple[int, int] | None = None
    plane: bool = False


_NOWHERE = LatentPosition()


class Answered(Message):
    """The model has told what it draws."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class ExplorerPage(Page):
    """Follows the model that is selected in the table, and its newest weights; each model has a walk of its own."""

    BINDINGS: ClassVar[list[Binding]] = EXPLORER  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(id="explorer")
        self._view = ExplorerView()
        self._explorer: tuple[RunSource, Explorer] | None = None
        self._walks: dict[str, LatentPosition] = {}
        self._answers: dict[str, Answer] = {}
        self._asked: Question | None = None
        self._shown: PageContext | None = None
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

    def show(self, shown: PageContext) -> None:
        self._shown = shown
        self._ask()
        self._draw()

    # What keys do.

    def action_walk(self, axis: int, direction: int) -> None:
        """Move along the latent of an axis; ``↑↓`` choose one where only one is moved."""
        model = self._model
        walk, order = self._walk, self._order
        if model is None or walk.z is None or not order or self._begins_anew:
            return
        if axis == 1 and not walk.plane:
            self.action_choose(0, -direction)
            return
        latent = self._chosen[axis]
        self._go(replace(walk, z=moved(walk.z, latent, direction), astray=True))

    def action_choose(self, axis: int, direction: int) -> None:
        """Choose the latent of an axis: the one that follows in the list, round and round."""
        order = self._order
        if not order or (axis == 1 and not self._walk.plane):
            return
        latents = [*self._pair]
        others = [latents[1 - axis]] if self._walk.plane else []
        at = order.index(latents[axis])
        for _ in order:
            at = (at + direction) % len(order)
            if order[at] not in others:
                break
        latents[axis] = order[at]
        self._go(replace(self._walk, latents=(latents[0], latents[1])))

    def action_plane(self) -> None:
        first, second = self._pair if self._order else (0, 0)
        if self._order and first == second:
            second = next((latent for latent in self._order if latent != first), first)
        self._go(replace(self._walk, plane=not self._walk.plane, latents=(first, second) if self._order else None))

    def action_image(self, direction: int) -> None:
        before = self._walk.image
        image = direction - 1 if before is None and direction > 0 else (before or 0) + direction
        self._go(replace(self._walk, image=image, random=False, astray=False))

    def action_random(self) -> None:
        if self._walk.z is not None:
            z = self._random.standard_normal(len(self._walk.z))
            self._go(replace(self._walk, z=z, image=None, random=True, astray=False))

    def action_reset(self) -> None:
        self._go(replace(self._walk, image=None, random=False, astray=False))

    def step(self, direction: int) -> None:
        self.action_walk(0, direction)

    # What is asked and drawn.

    @property
    def _model(self) -> ModelState | None:
        shown = self._shown
        return shown.state.models.get(shown.settings.selected or "") if shown is not None else None

    @property
    def _walk(self) -> LatentPosition:
        model = self._model
        return self._walks.get(model.name, _NOWHERE) if model is not None else _NOWHERE

    @property
    def _begins_anew(self) -> bool:
        """Whether the model has yet to tell the place that one goes on from."""
        return self._asked is not None and self._asked.z is None

    @property
    def _order(self) -> list[int]:
        """Latents as they are listed: by their KL, or by index where it is not known or so wished."""
        model, z = self._model, self._walk.z
        if model is None or self._shown is None:
            return []
        epoch = model.last_held_out
        zdim = len(z) if z is not None else 0
        if epoch is None or len(epoch.kl_per_latent) != zdim or self._shown.settings.by_index:
            return list(range(zdim))
        return latents_by_kl(epoch)

    @property
    def _pair(self) -> tuple[int, int]:
        """The latents of both axes; at first those of the largest KL."""
        order = self._order
        pair = self._walk.latents or (order[0], order[min(1, len(order) - 1)])
        return pair if max(pair) < len(order) else (order[0], order[min(1, len(order) - 1)])

    @property
    def _chosen(self) -> tuple[int, ...]:
        return self._pair if self._walk.plane else self._pair[:1]

    def _go(self, walk: LatentPosition) -> None:
        if self._model is not None:
            self._walks[self._model.name] = walk
            self._ask()
            self._draw()

    def _ask(self) -> None:
        """Ask what is to be drawn, if that was not asked before: also for weights that are newer."""
        shown, model, walk = self._shown, self._model, self._walk
        if shown is None or shown.source is None or model is None or model.latest is None:
            return
        if self._explorer is None or self._explorer[0] is not shown.source:
            if self._explorer is not None:
                self._explorer[1].close()
            self._explorer = shown.source, Explorer(shown.source, lambda answer: self.post_message(Answered(answer)))
        # Whoever has not moved away from an image, or from the prior's mean, stays there with other weights too.
        stays = walk.z is None or not (walk.astray or walk.random)
        z = None if stays or walk.z is None else tuple(walk.z.tolist())
        question = Question(model.name, model.latest.step, z, walk.image)
        answered = self._answers.get(model.name)
        if question != self._asked and (answered is None or answered.question != question):
            self._asked = question
            self._explorer[1].ask(question)

    def on_answered(self, message: Answered) -> None:
        answer = message.answer
        if answer.question != self._asked:  # another was asked meanwhile, and its answer comes
            return
        self._asked, name = None, answer.question.model
        self._answers[name] = answer
        if answer.z is not None:
            self._walks[name] = replace(self._walks.get(name, _NOWHERE), z=answer.z)
        self._draw()

    def _draw(self) -> None:
        shown, model = self._shown, self._model
        if shown is None:
            return
        answer = self._answers.get(model.name) if model is not None else None
        kl = model.last_held_out if model is not None else None
        settings = shown.settings
        revision = (model and (model.name, model.latest), answer, self._walk, kl, settings, self.size)
        if revision == self._drawn:
            return
        self._drawn = revision
        self._view.caption.say(self._title(model, answer), _keys(self.size.width, plane=self._walk.plane))
        self._view.show(self._look(model, answer), draw=settings.draw)

    def _look(self, model: ModelState | None, answer: Answer | None) -> Look | str:
        assert self._shown is not None
        if model is None or self._shown.source is None:
            return "waiting for the run"
        name = printable(model.name)
        if model.latest is None:
            return f"{name} has no checkpoint yet; one is saved at every epoch"
        if answer is None:
            return f"loading the weights of {name}"
        if answer.refused is not None or answer.z is None or answer.picture is None:
            return answer.refused or ""
        pictures = [("mean of p(x|z)", answer.picture)]
        if answer.encoded is not None:
            pictures.insert(0, (f"image, a {answer.encoded.label}", answer.encoded.original))
        epoch = model.last_held_out
        known = epoch is not None and len(epoch.kl_per_latent) == len(answer.z)
        style = styles_of(self._shown.state, ascii_only=self._shown.settings.ascii_only)[model.name]
        z = self._walk.z if self._walk.z is not None and len(self._walk.z) == len(answer.z) else answer.z
        return Look(
            tuple(pictures),
            z,
            np.array(epoch.kl_per_latent) if epoch is not None and known else None,
            self._order,
            self._chosen,
            Style.parse(style.style),
        )

    def _title(self, model: ModelState | None, answer: Answer | None) -> Text:
        assert self._shown is not None
        if model is None:
            return Text(" latents ")
        style = styles_of(self._shown.state, ascii_only=self._shown.settings.ascii_only)[model.name]
        title = Text.assemble(" latents of ", (f"{style.marker} {printable(model.name)}", style.style))
        if answer is not None and answer.refused is None:
            title.append(f" · epoch {answer.epoch} · z: {_place(self._walk, answer)}", style="dim")
        title.truncate(max(4, self.size.width - 6), overflow="ellipsis")
        return title.append(" ")


def _place(walk: LatentPosition, answer: Answer) -> str:
    start = "from the prior" if walk.random else "the prior's mean"
    if answer.encoded is not None:
        start = f"mean of q(z|x) of held-out image {answer.encoded.number + 1}"
    return f"{start}, moved" if walk.astray else start


def _keys(width: int, *, plane: bool) -> str:
    """As many of the keys as fit."""
    keys = ["←→ ↑↓ move" if plane else "←→ move  ↑↓ latent", "d image", "n random", "r reset", "b plane", "esc back"]
    keys += [", . < > latents", "m model"] if plane else ["m model"]
    while len(keys) > 1 and sum(len(key) + 2 for key in keys) > width - 6:
        keys.pop()
    return "  ".join(keys)
