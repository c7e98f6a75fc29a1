"""The training page: curves of all models, KL per latent, and samples."""
