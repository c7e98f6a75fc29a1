"""Measures this machine with the program itself. Imports no torch: what is measured runs in child processes."""

from tui_vae.bench.measure import measure_all, measure_growth
from tui_vae.bench.result import RATIO, Measurement, Part

__all__ = ["RATIO", "Measurement", "Part", "measure_all", "measure_growth"]
