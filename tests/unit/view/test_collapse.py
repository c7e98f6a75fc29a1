"""Where a verdict on latents that are off comes from: the run's linear optimum, or the newest evaluation."""

from __future__ import annotations

import dataclasses

from msgspec import structs

from tests.tui.recorded_evaluation import evaluation
from tests.tui.recorded_run import epoch, model_started, run_started
from tui_vae.events import Event, ModelStarted
from tui_vae.posterior_collapse import PosteriorCollapse, Reason
from tui_vae.view.collapse import collapse_of
from tui_vae.view.state import RunState, reduce_all

VARIANCES = (1.0, 0.5, 0.03, 0.02)  # sigma² is 0.04
KL = (2.0, 0.0, 0.0, 0.0)


def started(model: str, *, linear: bool, variances: tuple[float, ...] = VARIANCES) -> ModelStarted:
    event = model_started(model, linear=True, zdim=4)
    assert event.limit is not None
    limit = dataclasses.replace(event.limit, variances=variances)
    return structs.replace(event, hidden=() if linear else (8,), limit=limit if linear else None)


def verdict(model: str, *events: Event) -> PosteriorCollapse | None:
    state = reduce_all(RunState(), [run_started(), *events])
    return collapse_of(state, state.models[model])


def counts(found: PosteriorCollapse | None) -> tuple[int, int, int]:
    assert found is not None
    return found.count("expected"), found.count("lost"), found.count("open")


def test_a_linear_model_is_judged_by_its_optimum_and_others_are_compared_with_it() -> None:
    both = started("baseline", linear=True), started("deep", linear=False)
    epochs = [epoch(name, 20, zdim=4, kl_per_latent=KL) for name in ("baseline", "deep")]
    assert counts(verdict("baseline", *both, *epochs)) == (2, 1, 0)
    assert counts(verdict("deep", *both, *epochs)) == (2, 0, 1)


def test_the_sigma_in_force_counts() -> None:
    event = epoch("baseline", 20, zdim=4, kl_per_latent=KL, sigma=0.1)
    assert counts(verdict("baseline", started("baseline", linear=True), event)) == (0, 3, 0)


def test_a_run_without_a_linear_model_has_the_optimum_as_reference() -> None:
    alone = started("deep", linear=False)
    reference = started("baseline", linear=True).limit
    event = epoch("deep", 20, zdim=4, kl_per_latent=KL)
    assert counts(verdict("deep", structs.replace(alone, reference=reference), event)) == (2, 0, 1)
    assert verdict("deep", alone, event) is None


def test_an_evaluation_is_followed_until_a_later_epoch() -> None:
    both = started("baseline", linear=True), started("deep", linear=False)
    latents: tuple[Reason, ...] = ("in use", "lost", "expected", "expected")
    measured = PosteriorCollapse(latents, 0.2, "unexplained variance", 0.5, "x", (), ())
    at_six = evaluation("deep", 1, collapse=measured, epoch=6)
    epochs = [epoch("deep", number, zdim=4, kl_per_latent=KL) for number in (6, 7)]
    assert verdict("deep", *both, epochs[0], at_six) == measured
    assert counts(verdict("deep", *both, epochs[0], at_six, epochs[1])) == (2, 0, 1)
    assert verdict("deep", *both, at_six) == measured


def test_without_what_is_needed_nothing_is_said() -> None:
    """In earlier logs, before the first epoch, and in runs of loops of the user's own."""
    event = epoch("baseline", 20, zdim=4, kl_per_latent=KL)
    assert verdict("baseline", model_started("baseline", linear=True), event) is None
    assert verdict("baseline", started("baseline", linear=True)) is None
    unknown = structs.replace(event, kl_per_latent=None)
    assert verdict("baseline", started("baseline", linear=True), unknown) is None
    assert verdict("baseline", started("baseline", linear=True), structs.replace(event, sigma=None)) is None
