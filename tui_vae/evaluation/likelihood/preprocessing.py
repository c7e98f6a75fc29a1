"""Images as points of [0, 1]^784 whose density is measured: bytes / 255, or bytes with uniform noise.

A density needs to say of what. Two notions are offered, both in nats per image of 784 pixels in [0, 1]:

- ``pixels``: bytes / 255, as the models are trained on. The data are 256 values a pixel, on which a density may grow
  without bound as sigma goes to 0: compare such values at one sigma only, or between models that both learn it.
- ``dequantized``: (bytes + u) / 256 with u ~ U[0, 1), as Wu, Burda, Salakhutdinov & Grosse do (arXiv:1611.04273;
  Theis, van den Oord & Bethge, arXiv:1511.01844, section 3.1). E_u log p is a lower bound on log of the probability
  that p gives the bytes, after 784 ln 256 = 4347.4 nats are subtracted, so that no sigma can make it unbounded.

Table 2 of arXiv:1611.04273 ("continuous MNIST") gives log-densities of the second kind in nats, on the same scale:
VAE-50 991.4 ± 6.5 and VAE-10 705.4 ± 7.4 on 1,000 test images, beside GANs of 627.3 and 328.8. Its models were trained
on dequantised images with a spherical Gaussian; what its code calls sigma is the variance (0.005 to 0.03, a standard
deviation of 0.07 to 0.17), chosen model by model. A model of this package that was trained on bytes / 255 with a given
sigma is at a disadvantage there by its sigma more than by its decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pixels(images: Tensor) -> Tensor:
    """Images as float32 ``(n, 784)`` in [0, 1]: bytes are divided by 255, floating values are taken as they are."""
    if images.dtype == torch.uint8:
        return images.float() / 255
    return images.float()


def dequantized(images: Tensor, generator: torch.Generator) -> Tensor:
    """Bytes with uniform noise, (bytes + u) / 256 with u ~ U[0, 1), as float32 ``(n, 784)`` in [0, 1].

    Args:
        images: uint8 ``(n, 784)``, on the generator's device.
        generator: Of the noise alone.
    """
    noise = torch.rand(images.shape, generator=generator, device=images.device)
    return noise.add_(images).div_(256)
