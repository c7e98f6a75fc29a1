"""Why latents of a model are off, as every front end says it: by its newest evaluation, or else while it trains."""

from __future__ import annotations

from tui_vae.posterior_collapse import LatentKl, PosteriorCollapse, explain
from tui_vae.view.state import ModelState, RunState


def collapse_of(state: RunState, model: ModelState) -> PosteriorCollapse | None:
    """Return the verdict of the newest evaluation, or that of a later epoch; ``None`` where nothing is known."""
    newest, evaluation = model.last_latents, model.evaluation
    current = evaluation is not None and (newest is None or evaluation.epoch >= newest.epoch)
    if current and evaluation is not None and evaluation.collapse is not None:
        return evaluation.collapse
    if newest is None or newest.sigma is None:
        return None
    limits = (one.linear_limit for one in state.models.values())
    variances = next((limit.variances for limit in limits if limit is not None), ())
    verdict = LatentKl(
        newest.kl_per_latent or (),
        sigma=newest.sigma,
        learned=isinstance(state.config.get("sigma"), str),
        linear=model.limit is not None,
        epoch=newest.epoch,
        epochs=state.epochs_of(model),
        beta=state.config.get("beta", 1.0),
        kl_warmup=state.config.get("kl_warmup", 0.0),
        free_bits=state.config.get("free_bits", 0.0),
    )
    return explain(verdict, variances)
