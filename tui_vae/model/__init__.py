"""The Gaussian VAE and its objective."""

from tui_vae.model.objective import (
    ACTIVE_UNIT_VARIANCE,
    ElboTerms,
    expected_log_likelihood,
    gaussian_kl,
    gaussian_log_likelihood,
)
from tui_vae.model.own_networks import ModelBuilder
from tui_vae.model.vae import VAE, Decoder, Encoder, OwnEncoder

__all__ = [
    "ACTIVE_UNIT_VARIANCE",
    "VAE",
    "Decoder",
    "ElboTerms",
    "Encoder",
    "ModelBuilder",
    "OwnEncoder",
    "expected_log_likelihood",
    "gaussian_kl",
    "gaussian_log_likelihood",
]
