"""Measures this machine with the program itself. Imports no torch: what is measured runs in processes of its own."""

from tui_vae.bench.measure import Measurement, measure_all

__all__ = ["Measurement", "measure_all"]
