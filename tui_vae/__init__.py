"""Trains Gaussian VAEs side by side in the terminal and shows everything live."""

__version__ = "0.1.0"
