"""Measurements of the machine; knows nothing of runs."""
