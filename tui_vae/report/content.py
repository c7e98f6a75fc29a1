"""What a report is about: runs, their models in groups that differ by seed only, and the comparison of these.

All texts in it are printable; what they say may be anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tui_vae.events import Evaluation
from tui_vae.metrics import ArchitectureSummary, Verdict
from tui_vae.posterior_collapse import PosteriorCollapse
from tui_vae.run_status import ListState
from tui_vae.view.collapse import collapse_of
from tui_vae.view.image_cells import Pixels
from tui_vae.view.state import ModelState, RunState

_LONGEST_KEY = 60


def file_key(text: str, taken: Collection[str] = ()) -> str:
    """Return a name for files and anchors that resembles a text, of letters, digits and dashes, and is not taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_KEY] or "x"
    return next(
        key for number in itertools.count(1) if (key := plain if number == 1 else f"{plain}-{number}") not in taken
    )


@dataclass(frozen=True)
class ReportedRun:
    """A run.

    Attributes:
        state: Its state, by its log.
        condition: What it is doing.
        troubles: What of it cannot be read, a sentence each.
        command: The command that trains its models again; ``None`` if its options are not known.
        picture: Reads a picture that an event names; ``None`` if it cannot be read.
    """

    state: RunState
    condition: ListState
    troubles: tuple[str, ...]
    command: str | None
    picture: Callable[[str], Pixels | None]

    @property
    def name(self) -> str:
        return self.state.name


@dataclass(frozen=True)
class ReportedModel:
    """One trained model of a run, with its newest evaluation; ``seed`` is ``None`` where it is not known."""

    run: ReportedRun
    model: ModelState
    seed: int | None
    evaluation: Evaluation | None

    @property
    def kl_per_latent(self) -> tuple[float, ...]:
        """In nats: of the evaluation, or else of the newest held-out epoch."""
        if self.evaluation is not None and self.evaluation.kl_per_latent:
            return self.evaluation.kl_per_latent
        newest = self.model.last_latents
        return newest.kl_per_latent or () if newest is not None else ()

    @property
    def collapse(self) -> PosteriorCollapse | None:
        """Why latents are off, where it is known."""
        if self.evaluation is not None and self.evaluation.collapse is not None:
            return self.evaluation.collapse
        return collapse_of(self.run.state, self.model)

    @property
    def exact_kl_per_latent(self) -> tuple[float, ...]:
        """In nats at the optimum of a linear model, largest first; empty for any other."""
        if self.evaluation is not None and self.evaluation.predicted_kl_per_latent:
            return self.evaluation.predicted_kl_per_latent
        return self.model.limit.kl_per_latent if self.model.limit is not None else ()


@dataclass(frozen=True)
class Group:
    """Models that differ by their seed only, at least one, by seed in ascending order.

    ``index`` selects colour and marker: the place of the group among all, in the order of the runs. ``key`` names files
    and anchors: letters, digits and dashes, as no other group has.
    """

    label: str
    key: str
    index: int
    models: tuple[ReportedModel, ...]

    @property
    def first(self) -> ReportedModel:
        return self.models[0]


@dataclass(frozen=True)
class ReportContent:
    """All that a report shows.

    Attributes:
        runs: The runs, at least one.
        groups: Their models, by number of parameters in ascending order.
        summaries: The means over seeds of each group, without values where nothing was evaluated.
        verdict: ``None`` where nothing was compared.
        incomparable: Why the models cannot be compared; ``None`` where they can.
    """

    runs: tuple[ReportedRun, ...]
    groups: tuple[Group, ...]
    summaries: tuple[ArchitectureSummary, ...]
    verdict: Verdict | None
    incomparable: str | None = None

    @property
    def measured(self) -> bool:
        """Whether there is any metric."""
        return any(one.values for one in self.summaries)

    @property
    def group_of(self) -> Mapping[str, Group]:
        return {group.label: group for group in self.groups}
