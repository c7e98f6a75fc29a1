"""Answers what an explorer asks of stored models, in a thread of its own, so that keys are answered at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tui_vae.view.image_cells import Pixels
from tui_vae.view.run_source import Encoded, RunSource, StoredModel
from tui_vae.view.series import FloatArray


@dataclass(frozen=True)
class Question:
    """What does a model draw?

    Attributes:
        model: Its name.
        checkpoint: The step of its newest checkpoint, as far as was told: with another one, weights are read anew.
        z: Where in its latent space; ``None`` where ``image`` says it, or for the prior's mean.
        image: The number of the held-out image whose mean of q(z|x) is the place.
    """

    model: str
    checkpoint: int
    z: tuple[float, ...] | None = None
    image: int | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model draws at ``z``, or why it cannot, for people. No two are equal.

    Attributes:
        question: What was asked.
        refused: Why there is no picture; ``None`` when there is one.
        epoch: Epochs of training behind the weights.
        z: The place ``(zdim,)``.
        picture: The mean of p(x|z), ``(28, 28)``.
        encoded: The image that was asked for.
    """

    question: Question
    refused: str | None = None
    epoch: int = 0
    z: FloatArray | None = None
    picture: Pixels | None = None
    encoded: Encoded | None = None


class Explorer:
    """Answers the newest question; one that was followed by another before its turn is passed over.

    Args:
        source: Where the models are.
        tell: Called with each answer, in the explorer's thread.
    """

    def __init__(self, source: RunSource, tell: Callable[[Answer], object]) -> None:
        self._source = source
        self._tell = tell
        self._changed = threading.Condition()
        self._question: Question | None = None
        self._closed = False
        threading.Thread(target=self._run, name="explorer", daemon=True).start()

    def ask(self, question: Question) -> None:
        with self._changed:
            self._question = question
            self._changed.notify_all()

    def close(self) -> None:
        """Answer nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        read: tuple[str, int] | None = None
        model: StoredModel | str = ""
        while (question := self._next()) is not None:
            # What could not be read is tried again: the file may be there by now.
            if read != (question.model, question.checkpoint) or isinstance(model, str):
                read, model = (question.model, question.checkpoint), self._source.stored_model(question.model)
            answer = Answer(question, refused=model) if isinstance(model, str) else _answer(question, model)
            if self._closed:
                return
            self._tell(answer)

    def _next(self) -> Question | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._question is not None)
            question, self._question = self._question, None
            return None if self._closed else question


def _answer(question: Question, model: StoredModel) -> Answer:
    encoded: Encoded | None = None
    z = np.zeros(model.zdim) if question.z is None else np.array(question.z)
    if question.image is not None:
        found = model.encode(question.image)
        if isinstance(found, str):
            return Answer(question, refused=found)
        encoded = found
        z = found.z if question.z is None else z
    if len(z) != model.zdim:  # the weights are of another run by now
        z = np.zeros(model.zdim)
    return Answer(question, None, model.epoch, z, model.decode(z), encoded)
