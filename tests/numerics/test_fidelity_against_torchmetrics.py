"""The Fréchet distance, the kernel distance and the classifier score against TorchMetrics on given features."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tui_vae.evaluation.fidelity.class_metrics import classifier_score
from tui_vae.evaluation.fidelity.estimate import Features
from tui_vae.evaluation.fidelity.frechet import frechet_distance
from tui_vae.evaluation.fidelity.kid import kernel_distance

pytestmark = pytest.mark.filterwarnings("ignore:Metric `:UserWarning", "ignore:std:UserWarning")  # About its memory.

D = 16


class Given(nn.Module):
    """The extractor of features that are there already."""

    num_features = D

    def forward(self, features: Tensor) -> Tensor:
        return features


@pytest.fixture(scope="module")
def features() -> Features:
    random = torch.Generator().manual_seed(0)
    mix = torch.randn(D, D, generator=random)
    generated = torch.randn(700, D, generator=random) @ mix + 1
    return Features(generated.relu(), (torch.randn(500, D, generator=random) @ mix).relu())


def test_frechet_distance(features: Features) -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance  # noqa: PLC0415

    metric = FrechetInceptionDistance(Given())
    # In float64, or the result would be rounded to float32.
    metric.update(features.generated.double(), real=False)
    metric.update(features.reference.double(), real=True)
    assert frechet_distance(features).value == pytest.approx(float(metric.compute()), rel=1e-9)


def test_kernel_distance_of_all_images_at_once(features: Features) -> None:
    from torchmetrics.image.kid import KernelInceptionDistance  # noqa: PLC0415

    metric = KernelInceptionDistance(Given(), subsets=1, subset_size=500)
    metric.update(features.generated[:500].double(), real=False)
    metric.update(features.reference.double(), real=True)
    with torch.random.fork_rng(devices=[]):
        mean, _ = metric.compute()
    same = Features(features.generated[:500], features.reference)
    assert kernel_distance(same).value == pytest.approx(float(mean), rel=1e-9)


def test_classifier_score_of_a_single_split() -> None:
    from torchmetrics.image.inception import InceptionScore  # noqa: PLC0415

    logits = 2 * torch.randn(400, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    metric = InceptionScore(Given(), splits=1)
    metric.update(logits)
    with torch.random.fork_rng(devices=[]):
        mean, _ = metric.compute()
    assert classifier_score(logits.softmax(1)).value == pytest.approx(float(mean), rel=1e-9)
