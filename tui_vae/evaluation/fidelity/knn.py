"""Nearest neighbours in tiles of bounded memory, and the metrics made of them: memorisation and the two-sample test.

The squared distances are |x|² + |y|² - 2 x·y in float32, which is a matrix product; it only chooses the neighbours.
The distances to those chosen are then computed from the differences in float64, so that twins are at exactly 0 and
rounding can exchange only neighbours that are equally near to one part in a million.

scikit-learn's brute-force search gives the same, but took three times as long on 784 pixels, for 50 MB more to install,
and cannot be cancelled. ``torch.cdist`` returns whole matrices. The tests compare with full matrices in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity.estimate import (
    Features,
    MetricEstimate,
    jackknife_error,
    mean_estimate,
    share_estimate,
)
from tui_vae.evaluation.progress import Report, no_progress, part

TILE_ROWS = 1024
TILE_COLUMNS = 4096
TILE_ELEMENTS = TILE_ROWS * TILE_COLUMNS
"""At most this many distances are in memory at a time, 16 MB in float32."""


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each point, nearest first.

    Attributes:
        indices: int64 ``(n, k)``.
        distances: Euclidean, float64 ``(n, k)``.
    """

    indices: Tensor
    distances: Tensor


def nearest(points: Tensor, among: Tensor, k: int, report: Report = no_progress) -> Neighbours:
    """The k nearest of ``among`` ``(m, d)`` to each of ``points`` ``(n, d)``; both float32 or uint8, k <= m."""
    return _nearest(points, among, k, report, others=False)


def nearest_others(points: Tensor, k: int, report: Report = no_progress) -> Neighbours:
    """The k nearest of the other points to each of ``points`` ``(n, d)``; k < n."""
    return _nearest(points, points, k, report, others=True)


def _nearest(points: Tensor, among: Tensor, k: int, report: Report, *, others: bool) -> Neighbours:
    centre = centre_of(among)
    x = points.float() - centre
    best = torch.full((len(points), k), math.inf, device=points.device)
    indices = torch.zeros((len(points), k), dtype=torch.int64, device=points.device)
    for column in range(0, len(among), TILE_COLUMNS):
        y = among[column : column + TILE_COLUMNS].float() - centre
        squares = y.square().sum(1)
        for row in range(0, len(points), TILE_ROWS):
            rows = slice(row, row + TILE_ROWS)
            # Without |x|², which is the same for all neighbours of a point.
            tile = torch.addmm(squares, x[rows], y.T, alpha=-2)
            if others:
                tile.diagonal(row - column).fill_(math.inf)
            values, found = tile.topk(min(k, len(y)), largest=False)
            values, order = torch.cat((best[rows], values), 1).topk(k, largest=False)
            indices[rows] = torch.cat((indices[rows], found + column), 1).gather(1, order)
            best[rows] = values
            report((column * len(points) + min(row + TILE_ROWS, len(points)) * len(y)) / (len(among) * len(points)))
    return _measured(points, among, indices)


def _measured(points: Tensor, among: Tensor, indices: Tensor) -> Neighbours:
    """The neighbours with their distances from float64 differences, and in the order of these."""
    distances = torch.empty(indices.shape, dtype=torch.float64, device=points.device)
    rows_at_once = max(1, TILE_ELEMENTS // (4 * indices.shape[1] * points.shape[1]))
    for row in range(0, len(points), rows_at_once):
        rows = slice(row, row + rows_at_once)
        differences = among[indices[rows]].double() - points[rows, None].double()
        distances[rows] = differences.square().sum(2).sqrt()
    distances, order = distances.sort(dim=1, stable=True)
    return Neighbours(indices.gather(1, order), distances)


def squared_distances(points: Tensor, among: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of some of ``points`` ``(n, d)`` to all of ``among`` ``(m, d)``, block by block.

    Yields:
        Which rows of ``points``, and float32 ``(rows, m)`` of at most ``TILE_ELEMENTS`` (one row, if m is more).
    """
    centre = centre_of(among)
    x, y = points.float() - centre, among.float() - centre
    squares = y.square().sum(1)
    rows_at_once = max(1, TILE_ELEMENTS // len(among))
    for row in range(0, len(points), rows_at_once):
        rows = slice(row, min(row + rows_at_once, len(points)))
        block = torch.addmm(squares, x[rows], y.T, alpha=-2)
        yield rows, block.add_(x[rows].square().sum(1, keepdim=True)).clamp_min_(0)


def centre_of(points: Tensor) -> Tensor:
    """What is subtracted before products are taken: a common offset would cost digits.

    Bytes keep their zero: the products of images as sparse as digits are whole numbers below 2^24, exact in float32.
    """
    if points.is_floating_point():
        return points.mean(0)
    return torch.zeros(points.shape[1], device=points.device)


def nearest_training_distances(images: Tensor, training: Tensor, report: Report = no_progress) -> Tensor:
    """Distance of each image to the nearest training image.

    Args:
        images: uint8 ``(n, 784)``.
        training: uint8 ``(m, 784)``.
        report: Called with the share done.

    Returns:
        float64 ``(n,)``.

    Raises:
        ValueError: The images are not bytes: an error of the program.
    """
    if images.dtype != torch.uint8 or training.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype} and {training.dtype}, not bytes")
    return nearest(images, training, 1, report).distances[:, 0] / 255


def nearest_training_distance(images: Tensor, training: Tensor, report: Report = no_progress) -> MetricEstimate:
    """Their mean, for n > 1."""
    return mean_estimate(nearest_training_distances(images, training, report))


LEAST_IMAGES = 3


@dataclass(frozen=True)
class TwoSampleTest:
    """Shares of images whose nearest other image is of their kind, with their jackknife errors.

    Attributes:
        accuracy: Mean of the other two; 0.5 is perfect.
        on_reference: Of the reference images.
        on_generated: Of the generated images.
    """

    accuracy: MetricEstimate
    on_reference: MetricEstimate
    on_generated: MetricEstimate


def two_sample_test(
    features: Features, among_generated: Neighbours, among_reference: Neighbours, report: Report = no_progress
) -> TwoSampleTest:
    """The leave-one-out two-sample test of a nearest-neighbour classifier.

    Lopez-Paz & Oquab, arXiv:1610.06545; with one neighbour and left out one at a time, Xu et al., arXiv:1806.07755:
    is the nearest other image of each image, generated or reference, of its own kind? Where both come from one
    distribution that is so for half of them; where they differ completely, for all. Well below a half says that the
    samples are copies of the reference. The two parts tell more: when reference images are nearest to samples, and
    samples to samples too, the samples crowd together within the data, and the mean of the parts may be a half all
    the same.

    The value is the mean of the two parts. For sets of the same size, which are to be preferred, that is the accuracy
    over all images; for others it still is a half for equal distributions. An image equally near to both kinds counts
    half.

    The jackknife's errors are on the safe side here: about 1.2 times the true deviation for normal clusters.

    Args:
        features: Of n generated and m reference images.
        among_generated: The two or more nearest other generated images of each generated image.
        among_reference: The nearest other reference images of each reference image.
        report: Called with the share done.

    Raises:
        UsageError: There are fewer than three generated images.
    """
    n, m = len(features.generated), len(features.reference)
    check_enough_for_two_sample(features)
    to_generated = nearest(features.reference, features.generated, 2, part(report, 0, 0.5))
    to_reference = nearest(features.generated, features.reference, 1, part(report, 0.5, 1))

    own = among_reference.distances[:, 0]
    reference = _own_kind(own, to_generated.distances[:, 0])
    reference_without = _own_kind(own, to_generated.distances[:, 1])
    other = to_reference.distances[:, 0]
    generated = _own_kind(among_generated.distances[:, 0], other)
    generated_without = _own_kind(among_generated.distances[:, 1], other)

    # Without one generated image, those that it is nearest to fall back on their second nearest.
    gain = torch.zeros(n, dtype=torch.float64, device=own.device)
    on_reference = (reference.sum() + gain.index_add(0, to_generated.indices[:, 0], reference_without - reference)) / m
    change = gain.index_add(0, among_generated.indices[:, 0], generated_without - generated)
    on_generated = (generated.sum() - generated + change) / (n - 1)
    first, second = float(reference.mean()), float(generated.mean())
    return TwoSampleTest(
        share_estimate((first + second) / 2, jackknife_error((on_reference + on_generated) / 2), n),
        share_estimate(first, jackknife_error(on_reference), n),
        share_estimate(second, jackknife_error(on_generated), n),
    )


def check_enough_for_two_sample(features: Features) -> None:
    """Raise UsageError when there are no two other generated images for each."""
    if len(features.generated) < LEAST_IMAGES:
        raise UsageError(
            f"no two-sample test: {len(features.generated)} generated images, at least {LEAST_IMAGES} are needed"
        )


def _own_kind(own: Tensor, other: Tensor) -> Tensor:
    """1 where the nearest of one's own kind is nearer than the nearest of the other, 0 where farther, else a half."""
    return torch.heaviside(other - own, torch.full_like(own, 0.5))
