"""Neighbours found tile by tile against the whole matrix of distances in float64.

Distances to the nearest training image.

The two-sample test against the whole matrix of distances, and its traps.
"""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.fidelity.points import distance_matrix, each_left_out, jackknife, normal, normal_features
from tui_vae.data import Dataset
from tui_vae.errors import UsageError
from tui_vae.evaluation.fidelity import knn
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.knn import (
    TwoSampleTest,
    nearest,
    nearest_others,
    nearest_training_distance,
    nearest_training_distances,
    squared_distances,
    two_sample_test,
)
from tui_vae.evaluation.progress import part


@pytest.fixture(params=[(1024, 4096), (7, 5), (1, 1), (64, 3)], ids=str)
def _tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = request.param
    monkeypatch.setattr(knn, "TILE_ROWS", rows)
    monkeypatch.setattr(knn, "TILE_COLUMNS", columns)
    monkeypatch.setattr(knn, "TILE_ELEMENTS", rows * columns)


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_nearest_of_another_set(k: int, offset: float) -> None:
    x, y = normal(40, 4, shift=offset), normal(33, 4, seed=1, shift=offset)
    values, indices = distance_matrix(x, y).sort(1)
    found = nearest(x, y, k)
    torch.testing.assert_close(found.indices, indices[:, :k])
    torch.testing.assert_close(found.distances, values[:, :k], rtol=1e-12, atol=0)


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize("k", [1, 2, 6])
def test_nearest_others_leave_out_the_point_but_not_its_twin(k: int) -> None:
    x = normal(40, 4)
    x[17] = x[3]
    matrix = distance_matrix(x, x).fill_diagonal_(float("inf"))
    found = nearest_others(x, k)
    torch.testing.assert_close(found.distances, matrix.sort(1).values[:, :k], rtol=1e-12, atol=0)
    torch.testing.assert_close(matrix.gather(1, found.indices), found.distances, rtol=1e-12, atol=0)
    assert all(len(set(row)) == k for row in found.indices.tolist())
    assert (int(found.indices[3, 0]), int(found.indices[17, 0])) == (17, 3)
    assert float(found.distances[3, 0]) == float(found.distances[17, 0]) == 0


@pytest.mark.usefixtures("_tiles")
def test_bytes() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (20, 784), generator=random, dtype=torch.uint8)
    y = torch.randint(0, 256, (30, 784), generator=random, dtype=torch.uint8)
    y[11] = x[5]
    found = nearest(x, y, 2)
    values, indices = distance_matrix(x, y).sort(1)
    assert torch.equal(found.indices, indices[:, :2])
    assert torch.equal(found.distances, values[:, :2])
    assert float(found.distances[5, 0]) == 0


@pytest.mark.usefixtures("_tiles")
def test_blocks_of_squared_distances_are_the_matrix_in_rows() -> None:
    x, y = normal(40, 4, shift=10), normal(33, 4, seed=1, shift=10)
    blocks = list(squared_distances(x, y))
    assert [i for rows, _ in blocks for i in range(rows.start, rows.stop)] == list(range(40))
    assert all(block.numel() <= max(knn.TILE_ELEMENTS, 33) for _, block in blocks)
    whole = torch.cat([block for _, block in blocks])
    torch.testing.assert_close(whole.double(), distance_matrix(x, y).square(), rtol=1e-4, atol=1e-4)


def test_what_is_held_at_10_000_by_10_000() -> None:
    """Blocks of 16 MB, where the matrix would be 400."""
    sizes = [4 * block.numel() for _, block in squared_distances(torch.zeros(1000, 2), torch.zeros(10_000, 2))]
    assert max(sizes) <= 4 * knn.TILE_ELEMENTS <= 2**24
    assert knn.TILE_ROWS * knn.TILE_COLUMNS == knn.TILE_ELEMENTS


@pytest.mark.usefixtures("_tiles")
def test_progress_rises_to_one() -> None:
    for find in (lambda report: nearest(normal(40, 4), normal(33, 4), 3, report),
                 lambda report: nearest_others(normal(40, 4), 3, report)):  # fmt: skip
        shares: list[float] = []
        find(shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        assert shares[0] > 0


def test_a_report_can_end_the_search() -> None:
    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest(normal(10, 2), normal(10, 2), 1, stop)


def test_a_part_of_the_work() -> None:
    shares: list[float] = []
    report = part(shares.append, 0.2, 0.6)
    report(0)
    report(0.5)
    report(1)
    assert shares == pytest.approx([0.2, 0.4, 0.6])


def test_of_images_in_0_to_1(small_mnist: Dataset) -> None:
    images, training = small_mnist.held_out.images[:100], small_mnist.train.images
    expected = torch.cat([distance_matrix(rows / 255, training / 255).amin(1) for rows in images.split(10)])
    distances = nearest_training_distances(images, training)
    torch.testing.assert_close(distances, expected, rtol=1e-5, atol=0)
    estimate = nearest_training_distance(images, training)
    assert (estimate.value, estimate.n) == (pytest.approx(float(distances.mean())), 100)
    assert estimate.error == pytest.approx(float(distances.std()) / 10)


def test_a_copy_is_at_zero(small_mnist: Dataset) -> None:
    training = small_mnist.train.images
    assert nearest_training_distance(training[300:400].clone(), training).value == 0
    changed = training[:100].clone()
    changed[:, 0] += 255
    assert nearest_training_distance(changed, training).value == pytest.approx(1)


def test_only_bytes(small_mnist: Dataset) -> None:
    images = small_mnist.train.images
    with pytest.raises(ValueError, match="not bytes"):
        nearest_training_distance(images[:5].float() / 255, images)


def measured(features: Features) -> TwoSampleTest:
    among_generated = nearest_others(features.generated, min(2, len(features.generated) - 1))
    return two_sample_test(features, among_generated, nearest_others(features.reference, 1))


def plain(features: Features) -> tuple[float, float, float]:
    """Shares of both, of the reference and of the generated images whose nearest is of their kind."""
    x = torch.cat((features.reference, features.generated))
    kind = torch.arange(len(x)) >= len(features.reference)
    right = kind[distance_matrix(x, x).fill_diagonal_(float("inf")).argmin(1)] == kind
    reference, generated = float(right[~kind].double().mean()), float(right[kind].double().mean())
    return (reference + generated) / 2, reference, generated


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (200, 120)])
def test_the_definition(n: int, m: int, shift: float) -> None:
    features = normal_features(n, m, shift=shift)
    result = measured(features)
    assert (result.accuracy.value, result.on_reference.value, result.on_generated.value) == pytest.approx(
        plain(features)
    )


@pytest.mark.parametrize("seed", range(6))
def test_errors_are_those_of_leaving_out_each_sample(seed: int) -> None:
    features = normal_features(30 + seed, 30, d=2, seed=seed)
    left_out = [plain(rest) for rest in each_left_out(features)]
    result = measured(features)
    errors = (result.accuracy.error, result.on_reference.error, result.on_generated.error)
    assert errors == pytest.approx([jackknife(list(values)) for values in zip(*left_out, strict=True)], rel=1e-9)


def test_two_distributions_apart() -> None:
    assert measured(Features(normal(50, 3, shift=50), normal(50, 3))).accuracy.value == 1


def test_copies_of_the_reference_are_never_classified_right() -> None:
    x = normal(100, 3)
    result = measured(Features(x.clone(), x))
    assert (result.accuracy.value, result.on_reference.value, result.on_generated.value) == (0, 0, 0)


def test_ties_count_half() -> None:
    """Every image has two twins or more of each kind."""
    x = normal(1, 3).repeat(40, 1)
    assert measured(Features(x.clone(), x)).accuracy.value == 0.5


def test_samples_crowded_within_the_data() -> None:
    """The parts tell what their mean does not: all are nearest to a sample, as in many dimensions the middle is."""
    result = measured(Features(0.5 * normal(200, 30), normal(200, 30, 1)))
    assert result.on_generated.value > 0.95
    assert result.on_reference.value < 0.2


def test_too_few_images() -> None:
    with pytest.raises(UsageError, match="2 generated images"):
        measured(Features(normal(2, 2), normal(30, 2)))
    assert measured(Features(normal(3, 2), normal(2, 2))).accuracy.n == 3


def test_progress_of_the_two_sample_test_rises_to_one() -> None:
    features = normal_features()
    shares: list[float] = []
    two_sample_test(
        features, nearest_others(features.generated, 2), nearest_others(features.reference, 1), shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
