"""How a digit classifier is trained.

Labels are not smoothed. Smoothing draws the images of a class together in the penultimate layer (Müller et al.,
arXiv:1906.02629), and how they differ within a class is what recall and coverage look at.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tui_vae.data.generators import generator, image_order
from tui_vae.data.splits import Split
from tui_vae.errors import DataError
from tui_vae.evaluation.classifier.network import CLASSES, SIDE, DigitClassifier

RECIPE_VERSION = 1
"""Rises with every change below that changes the weights that come of it."""

_BATCH = 128
_PEAK_RATE = 4e-3
_WEIGHT_DECAY = 0.02
_RISING = 0.25  # the share of the steps in which the rate rises
_SHORTEST_CYCLE = 5  # torch divides by the steps in which it rises, less one

# Largest change of an image, uniform up to it on either side: in degrees, as a share of its size, and in pixels.
_ROTATION = 12.0
_SCALING = 0.10
_SHEAR = 0.12
_SHIFT = 2.0


def train_classifier(
    train: Split, *, epochs: int, seed: int, report: Callable[[float], None] = lambda share: None
) -> DigitClassifier:
    """A classifier of the images of ``train``: the same one for the same images, seed, threads and version of torch.

    AdamW (arXiv:1711.05101) under a one-cycle rate (Smith & Topin, arXiv:1708.07120) on images that are turned,
    scaled, sheared and shifted a little, differently in every epoch.

    Args:
        train: Images and their labels 0 to 9, on the device to train on.
        epochs: Passes over the images; fewer than a batch of them at the end of each are left out of it.
        seed: The only source of randomness.
        report: Called with the share done after every step; may raise to cancel.

    Raises:
        DataError: The labels are not the ten classes.
    """
    check_labels(train.labels)
    device = train.images.device
    classifier = DigitClassifier.from_generator(generator(seed, "classifier weights")).to(device).train()
    batch = min(_BATCH, len(train))
    steps = epochs * (len(train) // batch)
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=_PEAK_RATE, weight_decay=_WEIGHT_DECAY)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _PEAK_RATE, total_steps=max(_SHORTEST_CYCLE, steps), pct_start=_RISING
    )
    step = 0
    for epoch in range(epochs):
        order = image_order(seed, epoch, len(train)).to(device)
        changes = generator(seed, "classifier augmentation", epoch)
        for rows in torch.split(order, batch)[: len(train) // batch]:
            x = augmented(train.images[rows].float() / 255, changes)
            _, logits = classifier(x)
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(logits, train.labels[rows].long()))
            optimiser.step()
            cycle.step()
            step += 1
            report(step / steps)
    return classifier.eval().requires_grad_(False)


def check_labels(labels: Tensor) -> None:
    """Refuse what is not ten classes.

    Raises:
        DataError: Some class 0 to 9 has no image, or there are others.
    """
    found = torch.bincount(labels.long(), minlength=CLASSES).nonzero().flatten().tolist()
    if found != list(range(CLASSES)):
        shown = ", ".join(map(str, found[:12])) or "none"
        raise DataError(f"the fidelity metrics need images of ten classes, labelled 0 to 9; these are labelled {shown}")


def augmented(x: Tensor, changes: torch.Generator) -> Tensor:
    """Every image turned, scaled, sheared and shifted a little, ``(batch, 784)`` to the same.

    Args:
        x: Images ``(batch, 784)`` in [0, 1].
        changes: A generator on the CPU, so that the changes are the same on all devices.
    """
    turn, scale, shear, right, down = (2 * torch.rand(5, len(x), generator=changes) - 1).to(x.device)
    angle = math.radians(_ROTATION) * turn
    cos, sin = (1 + _SCALING * scale) * angle.cos(), (1 + _SCALING * scale) * angle.sin()
    shift = 2 * _SHIFT / SIDE  # the grid spans [-1, 1]
    skew = _SHEAR * shear
    rows = (
        torch.stack((cos, skew * cos - sin, shift * right), -1),
        torch.stack((sin, skew * sin + cos, shift * down), -1),
    )
    grid = nn.functional.affine_grid(torch.stack(rows, 1), [len(x), 1, SIDE, SIDE], align_corners=False)
    return nn.functional.grid_sample(x.view(-1, 1, SIDE, SIDE), grid, align_corners=False).view_as(x)
