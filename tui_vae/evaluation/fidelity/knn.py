"""Nearest neighbours among many points, in tiles of bounded memory.

The squared distances are |x|² + |y|² - 2 x·y in float32, which is a matrix product; it only chooses the neighbours.
The distances to those chosen are then computed from the differences in float64, so that twins are at exactly 0 and
rounding can exchange only neighbours that are equally near to one part in a million.

scikit-learn's brute-force search gives the same, but took three times as long on 784 pixels, for 50 MB more to install,
and cannot be cancelled. ``torch.cdist`` returns whole matrices. The tests compare with full matrices in float64.

How far each image is from the training set: samples that are copies are nearer than test images are.

The distance is the Euclidean one of images in [0, 1], between bytes as they are stored: samples and data must have been
quantised alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_vae.evaluation.fidelity.estimate import MetricEstimate, mean_estimate
from tui_vae.evaluation.progress import Report, no_progress

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
