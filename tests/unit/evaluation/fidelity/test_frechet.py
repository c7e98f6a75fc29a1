"""The Fréchet distance of given moments and of sets, and when it is not given."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import jackknife, normal, normal_features
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity import frechet
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.frechet import Gaussian, frechet_between, frechet_distance


def gaussian_of(points: torch.Tensor) -> Gaussian:
    return Gaussian(points.double().mean(0), torch.cov(points.double().T))


def test_of_sets_is_that_of_their_moments() -> None:
    features = Features(normal(300, 5, shift=7), 2 * normal(200, 5, 1, shift=7))
    expected = frechet_between(gaussian_of(features.generated), gaussian_of(features.reference))
    estimate = frechet_distance(features)
    assert estimate.value == pytest.approx(expected, rel=1e-10)
    assert estimate.n == 300
    assert frechet_distance(Features(features.reference, features.generated)).value == pytest.approx(expected)


@pytest.mark.parametrize("n", [20, 50, 157])
def test_error_is_that_of_leaving_out_each_group(n: int) -> None:
    features = normal_features(n, 60)
    kept = []
    for out in torch.tensor_split(torch.arange(n), min(n, frechet.GROUPS)):
        rest = features.generated[~torch.isin(torch.arange(n), out)]
        kept.append(frechet_between(gaussian_of(rest), gaussian_of(features.reference)))
    assert frechet_distance(features).error == pytest.approx(jackknife(kept), rel=1e-7)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_identical_sets(offset: float) -> None:
    x = normal(500, 16, shift=offset)
    assert frechet_distance(Features(x, x.clone())).value == pytest.approx(0, abs=1e-9)


def test_features_that_do_not_vary() -> None:
    """Singular covariances: a feature that is 0 for all images, and samples that are all the same."""
    x, y = normal(200, 4), normal(200, 4, 1)
    x[:, 2] = y[:, 2] = 0
    kept = [0, 1, 3]
    dead = frechet_distance(Features(x, y)).value
    assert dead == pytest.approx(frechet_distance(Features(x[:, kept], y[:, kept])).value, rel=1e-6)
    same = frechet_distance(Features(x[:1].repeat(50, 1), y))
    reference = gaussian_of(y)
    expected = (x[0].double() - reference.mean).square().sum() + reference.covariance.trace()
    assert same.value == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("n", [2, 7, 8])
def test_too_few_images_for_the_width(n: int) -> None:
    with pytest.raises(UsageError, match=f"no Fréchet distance: {n} generated images .*singular.*more than 8") as error:
        frechet_distance(Features(normal(n, 8), normal(50, 8)))
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match=f"{n} reference images"):
        frechet_distance(Features(normal(50, 8), normal(n, 8)))
    frechet_distance(Features(normal(9, 8), normal(9, 8)))
