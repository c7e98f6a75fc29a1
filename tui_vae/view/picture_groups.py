"""The pictures of all models, put together so that the same kind of picture of every model is one plate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tui_vae.metrics import Picture
from tui_vae.view.state import RunState


@dataclass
class PictureGroup:
    """Pictures of one kind, by the name of the model, in the order of the run."""

    title: str
    pictures: dict[str, Picture] = field(default_factory=dict)


def plates(state: RunState) -> list[PictureGroup]:
    """In the order in which the first model that has a picture of the kind tells of it."""
    found: dict[tuple[str, int], PictureGroup] = {}
    for model in state.models.values():
        seen: Counter[str] = Counter()
        for picture in model.evaluation.pictures if model.evaluation is not None else ():
            key = picture.kind, seen[picture.kind]
            seen[picture.kind] += 1
            found.setdefault(key, PictureGroup(picture.title)).pictures[model.name] = picture
    return list(found.values())
