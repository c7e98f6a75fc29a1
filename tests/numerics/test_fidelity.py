"""Fidelity metrics where the answer is known: closed forms for Gaussians, equal distributions, and real digits.

Every tolerance is four standard errors: one in 16,000 correct programs would fail, and the seeds are fixed.
"""

from __future__ import annotations

import math
from statistics import fmean, stdev

import pytest
import torch
from torch import Tensor

from tui_vae.data import Split
from tui_vae.evaluation.classifier import ClassifierOutput, extract_features, load_shipped
from tui_vae.evaluation.fidelity.class_metrics import class_counts
from tui_vae.evaluation.fidelity.estimate import Features, MetricEstimate
from tui_vae.evaluation.fidelity.frechet import Gaussian, frechet_between, frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance
from tui_vae.evaluation.fidelity.knn import nearest_training_distance
from tui_vae.evaluation.fidelity_metrics import class_metrics, feature_metrics

ERRORS = 4


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def random_covariance(d: int, seed: int) -> Tensor:
    factor = normal(d, 2 * d, seed).double()
    return factor @ factor.T / d


def test_frechet_distance_of_commuting_gaussians() -> None:
    """|m1 - m2|² + sum (s1_i - s2_i)² for covariances with the same eigenvectors, 0 among the deviations."""
    basis = torch.linalg.qr(normal(6, 6, 0).double()).Q
    first, second = torch.tensor([3, 2, 1, 0.5, 0, 0]).double(), torch.tensor([1, 2, 4, 0, 1, 0]).double()
    means = normal(2, 6, 1).double()
    gaussians = [
        Gaussian(m, basis @ torch.diag(s.square()) @ basis.T) for m, s in zip(means, (first, second), strict=True)
    ]
    expected = float((means[0] - means[1]).square().sum() + (first - second).square().sum())
    assert frechet_between(*gaussians) == pytest.approx(expected, rel=1e-7)
    assert frechet_between(*gaussians[::-1]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_frechet_distance_of_any_gaussians(d: int) -> None:
    """Against the optimal map between them: x -> m2 + A (x - m1), A = C1^-½ (C1^½ C2 C1^½)^½ C1^-½.

    A C1 A = C2 proves that it carries the one to the other, and a positive definite A that it is optimal (Knott &
    Smith 1984). Its cost is |m1 - m2|² + Tr((I - A) C1 (I - A)).
    """
    first, second = random_covariance(d, 0), random_covariance(d, 1)
    means = normal(2, d, 2).double()

    def power(matrix: Tensor, exponent: float) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        result: Tensor = vectors @ torch.diag(values**exponent) @ vectors.T
        return result

    root = power(first, 0.5)
    carry = power(first, -0.5) @ power(root @ second @ root, 0.5) @ power(first, -0.5)
    torch.testing.assert_close(carry @ first @ carry, second, rtol=1e-9, atol=1e-9)
    rest = torch.eye(d, dtype=torch.float64) - carry
    expected = float((means[0] - means[1]).square().sum() + torch.trace(rest @ first @ rest))
    distance = frechet_between(Gaussian(means[0], first), Gaussian(means[1], second))
    assert distance == pytest.approx(expected, rel=1e-9)
    assert frechet_between(Gaussian(means[0], first), Gaussian(means[0], first)) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_many_samples() -> None:
    """N(shift, 4 I) against N(0, I): 4 * 0.5² + 4 (2 - 1)² = 5, biased by less than an error at this n."""
    n = 100_000
    estimate = frechet_distance(Features(2 * normal(n, 4, 0) + 0.5, normal(n, 4, 1)))
    # The error is of the samples alone; that of the reference, of half the deviation, is no larger.
    assert estimate.value == pytest.approx(5, abs=ERRORS * math.sqrt(2) * estimate.error)
    assert estimate.error < 0.03


def test_kernel_distance_is_unbiased() -> None:
    """0 on average for equal distributions, even of few images, where the biased estimate would not be."""
    values = [kernel_distance(Features(normal(30, 4, 2 * i), normal(20, 4, 2 * i + 1))).value for i in range(400)]
    error = stdev(values) / math.sqrt(len(values))
    assert fmean(values) == pytest.approx(0, abs=ERRORS * error)
    assert error < 0.1


def test_kernel_distance_of_normals() -> None:
    """The kernel's mean in closed form: E (x·y / d + 1)³ over independent x, y of N(a, I), N(b, I) for d = 1.

    x y has the moments E xy = ab, E (xy)² = (a² + 1)(b² + 1), E (xy)³ = (a³ + 3a)(b³ + 3b).
    """

    def expected(a: float, b: float) -> float:
        return (a**3 + 3 * a) * (b**3 + 3 * b) + 3 * (a**2 + 1) * (b**2 + 1) + 3 * a * b + 1

    distance = expected(1, 1) + expected(0, 0) - 2 * expected(1, 0)
    values = [kernel_distance(Features(normal(200, 1, 2 * i) + 1, normal(200, 1, 2 * i + 1))).value for i in range(300)]
    assert fmean(values) == pytest.approx(distance, abs=ERRORS * stdev(values) / math.sqrt(len(values)))


@pytest.mark.parametrize(("n", "m", "d"), [(200, 200, 2), (300, 150, 8)])
def test_equal_distributions(n: int, m: int, d: int) -> None:
    """Density 1 and the closed form of coverage in expectation (arXiv:2002.09797, section 3.3); half are told right."""
    results = [feature_metrics(Features(normal(n, d, 2 * i), normal(m, d, 2 * i + 1))) for i in range(60)]
    # The chance that none of the n samples is among the k nearest of a centre's n + m - 1 others.
    missed = math.prod((m - 1 - i) / (n + m - 1 - i) for i in range(5))
    # The chance that a random one of the n + m - 1 others is of one's own kind, the mean over both kinds.
    right = (n + m - 2) / (2 * (n + m - 1))
    for name, expected in (("density", 1), ("coverage", 1 - missed), ("two_sample_1nn", right)):
        values = [result[name].value for result in results]
        assert fmean(values) == pytest.approx(expected, abs=ERRORS * stdev(values) / math.sqrt(len(values))), name


@pytest.fixture(scope="module")
def train(mnist: tuple[Split, Split]) -> Split:
    return mnist[0].rows(0, 8000)


@pytest.fixture(scope="module")
def seen(mnist: tuple[Split, Split], train: Split) -> tuple[ClassifierOutput, ClassifierOutput]:
    """8,000 training images and 4,000 test images, as the classifier sees them."""
    classifier = load_shipped()
    return extract_features(classifier, train.images), extract_features(classifier, mnist[1].images[::3])


def measured(generated: ClassifierOutput, reference: ClassifierOutput) -> dict[str, MetricEstimate]:
    return feature_metrics(Features(generated.features, reference.features)) | class_metrics(generated.probabilities)


def chosen(described: ClassifierOutput, rows: Tensor) -> ClassifierOutput:
    return ClassifierOutput(described.features[rows], described.probabilities[rows])


def test_two_halves_of_the_test_digits_and_noise(seen: tuple[ClassifierOutput, ClassifierOutput]) -> None:
    test = seen[1]
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    half, other = chosen(test, order[: len(test) // 2]), chosen(test, order[len(test) // 2 :])
    halves = measured(half, other)
    # Of both halves together: a pair of images that are each other's nearest is right or wrong as one.
    error = math.sqrt(2 * 0.25 / (2 * len(half)))
    assert halves["two_sample_1nn"].value == pytest.approx(0.5, abs=ERRORS * error)
    assert halves["kid"].value == pytest.approx(0, abs=ERRORS * math.sqrt(2) * halves["kid"].error)
    pixels = torch.randint(0, 256, (2000, 784), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    noise = measured(extract_features(load_shipped(), pixels), other)
    assert noise["two_sample_1nn"].value > 0.99
    assert noise["precision"].value < 0.05
    assert noise["coverage"].value < 0.05
    assert noise["classifier_score"].value < 2
    for name in ("frechet_distance", "kid"):
        assert noise[name].value > halves[name].value + 10 * noise[name].error


@pytest.mark.parametrize("digit", [1, pytest.param(7, marks=pytest.mark.long)])
def test_a_sampler_that_drops_a_digit(
    digit: int, train: Split, seen: tuple[ClassifierOutput, ClassifierOutput]
) -> None:
    """Caught by the histogram, its entropy, recall and coverage; what it draws is as good as ever."""
    images, test = seen
    kept = torch.nonzero(train.labels != digit)[:, 0][:4000]
    everything, dropped = chosen(images, torch.arange(4000)), chosen(images, kept)
    counts, all_counts = class_counts(dropped.probabilities), class_counts(everything.probabilities)
    assert int(counts[digit]) < 0.02 * int(all_counts[digit])
    others = torch.arange(10) != digit
    assert bool((counts[others] > 0.8 * all_counts[others]).all())
    floor, result = measured(everything, test), measured(dropped, test)
    for name in ("recall", "coverage", "class_entropy", "classifier_score"):
        # The floor's samples are mostly the same ones, so its error adds none that matters.
        assert result[name].value < floor[name].value - 3 * result[name].error, name
    assert result["coverage"].value < floor["coverage"].value - 0.05
    assert result["frechet_distance"].value > floor["frechet_distance"].value + 10 * result["frechet_distance"].error
    assert result["precision"].value == pytest.approx(floor["precision"].value, abs=ERRORS * result["precision"].error)


def test_copies_of_training_images_are_nearer_than_test_images(mnist: tuple[Split, Split]) -> None:
    train, test = mnist[0].images[:10_000], mnist[1].images[:300]
    noisy = (train[:300].int() + torch.randint(-20, 21, (300, 784), generator=torch.Generator().manual_seed(0))).clamp(
        0, 255
    )
    copies, floor = nearest_training_distance(noisy.to(torch.uint8), train), nearest_training_distance(test, train)
    assert 0 < copies.value < floor.value - 10 * floor.error
