"""Where a step leaves what it computes: the same places at every step.

Fresh memory costs more than what small layers compute in it. So do views of it: those that are needed are made once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tui_vae.config import PIXELS


@dataclass(frozen=True)
class Workspace:
    """Where the passes over some images leave what they compute; all rows are images.

    What leaves or enters the products has two places, one in their precision (``..._rounded``, and those of the layers)
    and one in single precision; where that is the same, so are the places.

    Attributes:
        pixels, x: Of the images.
        encoded, decoded: Outputs of the layers, after the ReLU where there is one.
        encoded_gradients, decoded_gradients: Of what was before it.
        terms: Side by side mu, log sigma, mu² and sigma² of q(z|x), of which the KL is made.
        moments_gradient: Of mu and log sigma.
        sigma, z: Of q(z|x), and drawn from it.
        mean: Of p(x|z).
        error: Of that mean; then its gradient.
    """

    pixels: Tensor
    x: Tensor
    x_rounded: Tensor
    encoded: list[Tensor]
    encoded_gradients: list[Tensor]
    terms: Tensor
    moments_gradient: Tensor
    sigma: Tensor
    z: Tensor
    z_rounded: Tensor
    z_gradient: Tensor
    z_rounded_gradient: Tensor
    decoded: list[Tensor]
    decoded_gradients: list[Tensor]
    mean: Tensor
    error: Tensor

    @staticmethod
    def of(images: int, zdim: int, encoder: Sequence[int], decoder: Sequence[int], like: Tensor) -> Workspace:
        """Workspace for so many images.

        Args:
            images: Their number.
            zdim: The latent dimension.
            encoder: Widths of the outputs of its layers.
            decoder: Those of the decoder.
            like: A tensor on the device, in the precision of the products.
        """
        x_rounded, z_rounded, z_rounded_gradient = (like.new_empty(images, of) for of in (PIXELS, zdim, zdim))
        terms = torch.empty(images, 4 * zdim, device=like.device)
        encoded, encoded_gradients = ([like.new_empty(images, of) for of in encoder] for _ in range(2))
        decoded, decoded_gradients = ([like.new_empty(images, of) for of in decoder] for _ in range(2))
        if like.dtype == terms.dtype:
            encoded[-1] = terms[:, : 2 * zdim]
        return Workspace(
            pixels=torch.empty(images, PIXELS, dtype=torch.uint8, device=like.device),
            x=x_rounded.float(),
            x_rounded=x_rounded,
            encoded=encoded,
            encoded_gradients=encoded_gradients,
            terms=terms,
            moments_gradient=encoded_gradients[-1].float(),
            sigma=torch.empty(images, zdim, device=like.device),
            z=z_rounded.float(),
            z_rounded=z_rounded,
            z_gradient=z_rounded_gradient.float(),
            z_rounded_gradient=z_rounded_gradient,
            decoded=decoded,
            decoded_gradients=decoded_gradients,
            mean=decoded[-1].float(),
            error=decoded_gradients[-1].float(),
        )

    def __getitem__(self, rows: slice) -> Workspace:
        """The places of some of the images."""

        def part(of: Any) -> Any:
            return [one[rows] for one in of] if isinstance(of, list) else of[rows]

        return Workspace(*(part(getattr(self, field.name)) for field in dataclasses.fields(self)))

    @cached_property
    def moments(self) -> Tensor:
        """Mu and log sigma."""
        return self.terms.chunk(2, dim=1)[0]

    @cached_property
    def each_term(self) -> tuple[Tensor, ...]:
        return self.terms.chunk(4, dim=1)

    @cached_property
    def mu_and_log_sigma_gradient(self) -> tuple[Tensor, ...]:
        return self.moments_gradient.chunk(2, dim=1)

    @cached_property
    def all_errors(self) -> Tensor:
        """As a vector."""
        return self.error.view(-1)
