"""What has an exact likelihood, and what is refused."""

from __future__ import annotations

import pytest
import torch

from tests.unit.evaluation.likelihood.models import small_vae
from tui_vae.errors import TuiVaeError, UsageError
from tui_vae.evaluation.ppca import exact_log_likelihood


def test_only_a_linear_decoder_has_one(images: torch.Tensor) -> None:
    assert small_vae(()).decoder.only_layer is not None
    assert exact_log_likelihood(small_vae(()), images).shape == (40,)
    assert small_vae((4,)).decoder.only_layer is None
    with pytest.raises(UsageError, match="without hidden layers"):
        exact_log_likelihood(small_vae((4,)), images)


def test_weights_that_are_no_numbers_are_refused(images: torch.Tensor) -> None:
    vae = small_vae(())
    with torch.no_grad():
        vae.decoder.net[0].weight[0, 0] = torch.nan
    with pytest.raises(TuiVaeError, match=r"1 of 2,352 weights of net\.0\.weight"):
        exact_log_likelihood(vae, images)
