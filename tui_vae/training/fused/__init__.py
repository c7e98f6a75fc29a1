"""Placeholder."""

from tui_vae.training.fused.step import FusedStep

__all__ = ["FusedStep"]
