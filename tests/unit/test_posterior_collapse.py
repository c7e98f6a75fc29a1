"""The rule by which latents are off for a reason, and its words."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from tui_vae.posterior_collapse import EDGE, OFF, LatentKl, PosteriorCollapse, explain

# Six latents; at sigma = 1 a linear model uses the first four directions.
VARIANCES = (9.0, 4.0, 3.0, 2.0, 0.5, 0.25)
MODEL = LatentKl((0.0, 1.0, 0.001, 0.5, 0.0, 0.002), sigma=1.0, learned=False, linear=True, epoch=20, epochs=20)


def explained(model: LatentKl = MODEL, variances: tuple[float, ...] = VARIANCES, **options: bool) -> PosteriorCollapse:
    found = explain(model, variances, **options)
    assert found is not None
    return found


def words(found: PosteriorCollapse) -> str:
    return " ".join((found.summary, *found.details))


def test_latents_are_matched_with_directions_by_rank() -> None:
    """Two are in use, for the first two directions; of the others those of the greatest KL are the lost ones."""
    found = explained()
    assert found.latents == ("expected", "in use", "lost", "in use", "expected", "lost")
    assert found.evidence == "linear theory"
    assert found.summary == "4 of 6 latents are off (KL < 0.01 nats): 2 expected, 2 lost in training"
    assert found.gain == pytest.approx(0.5 * (3 - 1 - math.log(3)) + 0.5 * (2 - 1 - math.log(2)))
    assert f"{found.gain:.2f} nats or more" in words(found)


def test_what_a_deep_model_may_explain_otherwise_is_open_until_it_is_measured() -> None:
    deep = dataclasses.replace(MODEL, linear=False)
    found = explained(deep)
    assert found.latents == ("expected", "in use", "open", "in use", "expected", "open")
    assert found.gain is None
    assert "evaluate" in " ".join(found.advice)
    assert "lost" not in words(found)
    measured = explained(deep, (1.5, 0.9, 0.6, 0.3), measured=True)
    assert [measured.count(reason) for reason in ("in use", "expected", "lost", "open")] == [2, 3, 1, 0]
    assert measured.evidence == "unexplained variance"
    assert "open" not in words(measured)


def test_a_deep_model_that_uses_more_than_a_linear_one_could_says_so() -> None:
    kl = (1.0,) * 5 + (0.0,)
    deep = dataclasses.replace(MODEL, kl_per_latent=kl, linear=False)
    assert explained(deep).latents.count("expected") == 1
    assert "1 more in use than a linear model would use" in explained(deep).reasons
    assert (
        "1 in use that the exact optimum leaves off: they fade with more --epochs"
        in explained(dataclasses.replace(deep, linear=True)).reasons
    )


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("kept", range(7))
@pytest.mark.parametrize("used", range(7))
def test_counts(used: int, kept: int, linear: bool) -> None:
    """Of z latents with m in use and K directions, z - max(K, m) are expected and max(0, K - m) are not."""
    model = dataclasses.replace(MODEL, kl_per_latent=(1.0,) * used + (0.0,) * (6 - used), linear=linear)
    found = explained(model, (2.0,) * kept + (0.5,) * (6 - kept))
    assert found.count("in use") == used
    assert found.count("expected") == 6 - max(kept, used)
    assert found.count("lost" if linear else "open") == max(0, kept - used)
    assert found.off == 6 - used


def test_the_threshold_is_that_of_the_kl_at_the_optimum() -> None:
    """A direction so near to sigma² that even the optimum's KL counts as off is not lost."""
    model = dataclasses.replace(MODEL, kl_per_latent=(0.0,))
    above, below = math.nextafter(EDGE, 2), math.nextafter(EDGE, 1)
    assert 0.5 * math.log(EDGE) == pytest.approx(OFF)
    assert explained(model, (above,)).latents == ("lost",)
    assert explained(model, (below,)).latents == ("expected",)
    assert explained(dataclasses.replace(model, sigma=0.5), (1.0,)).latents == ("lost",)


@pytest.mark.parametrize(("epoch", "epochs", "early"), [(1, 20, True), (2, 20, True), (3, 20, False), (1, 1, False)])
def test_during_the_warm_up_there_is_no_verdict(epoch: int, epochs: int, early: bool) -> None:
    found = explained(dataclasses.replace(MODEL, epoch=epoch, epochs=epochs))
    assert ("too early" in found.summary) == early
    assert (found.count("open") == 4) == early
    assert (found.details == ()) == early


def test_while_it_trains_the_epoch_is_named() -> None:
    assert explained(dataclasses.replace(MODEL, epoch=7)).summary.endswith(", epoch 7 of 20")
    assert "epoch" not in explained().summary
    assert "epoch" not in explained(dataclasses.replace(MODEL, epochs=None)).summary


def test_advice_names_options_and_a_sigma_that_is_enough() -> None:
    advice = explained().advice
    assert any("more --epochs" in text for text in advice)
    sigma = next(match[1] for text in advice if (match := re.search(r"--sigma below (\S+)", text)))
    assert explained(dataclasses.replace(MODEL, sigma=float(sigma))).count("expected") == 0
    assert float(sigma) == 0.49
    assert "--zdim 4 is enough" in " ".join(advice)
    deep = dataclasses.replace(MODEL, linear=False)
    assert "--lr" in " ".join(explained(deep, (2.0, 1.5, 0.5, 0.1), measured=True).advice)
    learned = dataclasses.replace(deep, learned=True, sigma=0.0842)
    assert "--sigma 0.084, fixed from the start" in " ".join(explained(learned, VARIANCES, measured=True).advice)


def test_what_is_not_worth_anything_gets_no_advice() -> None:
    nearly = dataclasses.replace(MODEL, kl_per_latent=(1.0, 0.0))
    found = explained(nearly, (4.0, 1.05))
    assert found.count("lost") == 1
    assert found.advice == ()
    assert explained(dataclasses.replace(MODEL, kl_per_latent=(1.0,) * 6), (9.0,) * 6).details == ()


def test_where_all_are_in_use_there_is_nothing_to_explain() -> None:
    found = explained(dataclasses.replace(MODEL, kl_per_latent=(0.5, 0.02)), (4.0, 3.0))
    assert found.summary == "all 2 latents are in use"
    assert found.off == 0


def test_directions_without_variance_and_more_latents_than_directions() -> None:
    model = dataclasses.replace(MODEL, kl_per_latent=(1.0, 0.0, 0.0))
    for variances in ((4.0, 0.0, 0.0), (4.0,)):
        found = explained(model, variances)
        assert found.latents == ("in use", "expected", "expected")
        assert found.advice == ("for those expected: for this sigma --zdim 1 is enough",)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_without_a_sigma_nothing_is_said(sigma: float) -> None:
    assert explain(dataclasses.replace(MODEL, sigma=sigma), VARIANCES) is None


def test_without_variances_or_latents_nothing_is_said() -> None:
    assert explain(MODEL, ()) is None
    assert explain(dataclasses.replace(MODEL, kl_per_latent=()), VARIANCES) is None


def test_kl_that_is_not_finite_counts_as_off() -> None:
    found = explained(dataclasses.replace(MODEL, kl_per_latent=(math.nan, 1.0, math.inf)), (4.0, 3.0, 2.0))
    assert found.count("in use") == 1


def test_while_the_kl_gains_weight_it_is_too_early() -> None:
    warming = dataclasses.replace(MODEL, epoch=7, epochs=20, kl_warmup=8.0)
    assert "too early" in explained(warming).summary
    assert "too early" not in explained(dataclasses.replace(warming, epoch=9)).summary
    assert "too early" not in explained(dataclasses.replace(warming, epoch=8, epochs=8)).summary


def test_where_the_kl_has_no_weight_nothing_is_said() -> None:
    assert explain(dataclasses.replace(MODEL, beta=0.0), VARIANCES) is None
