"""How colours are seen: contrast as WCAG 2 defines it, and what colour-blind eyes make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

RGB = tuple[int, int, int]

EYES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Matrices on linear red, green and blue, of Machado, Oliveira & Fernandes (2009) at full severity."""


def contrast(one: RGB, other: RGB) -> float:
    """From 1, for the same colour, to 21."""
    darker, brighter = sorted(_luminance(colour) for colour in (one, other))
    return (brighter + 0.05) / (darker + 0.05)


def difference(one: RGB, other: RGB, eyes: str) -> float:
    """CIE 1976 difference of two colours as such eyes see them; 2 is hardly seen, black and white differ by 100."""
    return math.dist(*(_lab(_seen(colour, eyes)) for colour in (one, other)))


def _linear(colour: RGB) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in colour)]


def _luminance(colour: RGB) -> float:
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), _linear(colour), strict=True))


def _seen(colour: RGB, eyes: str) -> list[float]:
    values = _linear(colour)
    return [min(1.0, max(0.0, sum(a * b for a, b in zip(row, values, strict=True)))) for row in EYES[eyes]]


def _lab(linear: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = linear
    x, y, z = (
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
        for t in (
            (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
            0.2126 * red + 0.7152 * green + 0.0722 * blue,
            (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
