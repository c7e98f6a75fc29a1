"""The digit classifier: a small convolutional network, and what a file of its weights must hold.

Its penultimate layer is the feature space of the fidelity metrics, so the layer is made for distances and Gaussian
fits, not for the last tenth of a percent: batch normalisation before the non-linearity gives every feature about unit
variance over the data, whatever the digit, and SiLU (arXiv:1702.03118) bends where ReLU would cut a feature off for
most digits. What the network costs and reaches stands in ``NOTICE.md``, next to the weights.

Images as the classifier sees them: their features and class probabilities, in batches of bounded memory.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tui_vae.config import PIXELS
from tui_vae.model.vae import Linear

CLASSES = 10
FEATURES = 64
SIDE = math.isqrt(PIXELS)

NETWORK_VERSION = 1
"""Rises when the same weights would mean another network, or no longer fit."""

# Channels of the four convolutions, and the side of their last maps.
_CHANNELS = (16, 32, 64, 64)
_LAST_SIDE = 3


class Convolution(nn.Conv2d):
    """A convolution that keeps the size of its maps but for its stride; its weights are yet to be set.

    nn.Conv2d's own start would draw from the global generator. The batch normalisation after it has the bias.
    """

    def __init__(self, channels_in: int, channels_out: int, side: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, side, stride, padding=side // 2, bias=False)

    def reset_parameters(self) -> None:
        """Leave them as they are."""


class DigitClassifier(nn.Module):
    """p(y|x) over ten classes, and the features that it is decided on.

    Maps of 28 x 28, 14 x 14 (a stride), 7 x 7 and 3 x 3 (the largest of each 2 x 2), then two fully connected layers.
    """

    def __init__(self) -> None:
        super().__init__()
        # Its weights are not set: use ``from_generator``, or load some.
        first, second, third, fourth = _CHANNELS
        self.maps = nn.Sequential(
            *_convolved(1, first, 5, stride=2),
            *_convolved(first, second, 3),
            nn.MaxPool2d(2),
            *_convolved(second, third, 3),
            *_convolved(third, fourth, 3),
            nn.MaxPool2d(2),
        ).to(memory_format=torch.channels_last)  # twice as fast on a CPU
        self.features = nn.Sequential(
            Linear(fourth * _LAST_SIDE**2, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.SiLU()
        )
        self.logits = Linear(FEATURES, CLASSES)

    @classmethod
    def from_generator(cls, generator: torch.Generator) -> DigitClassifier:
        """A network on the CPU whose weights are a function of the generator alone."""
        classifier = cls()
        initialise(classifier, generator)
        return classifier

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(batch, 64)`` and logits ``(batch, 10)`` of images ``(batch, 784)`` in [0, 1]."""
        maps: Tensor = self.maps(x.view(-1, 1, SIDE, SIDE))
        features: Tensor = self.features(maps.flatten(1))
        return features, self.logits(features)


def for_inference(classifier: DigitClassifier) -> DigitClassifier:
    """A copy whose batch normalisations are part of the convolutions before them.

    It sees the same but for rounding, in two thirds of the time. It is not to be trained or stored.
    """
    copied = copy.deepcopy(classifier).eval()
    layers: list[nn.Module] = []
    for layer in copied.maps:
        before = layers[-1] if layers else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(before, layer)
        else:
            layers.append(nn.ReLU(inplace=True) if isinstance(layer, nn.ReLU) else layer)
    copied.maps = nn.Sequential(*layers)
    return copied.requires_grad_(False)


def _convolved(channels_in: int, channels_out: int, side: int, stride: int = 1) -> list[nn.Module]:
    return [Convolution(channels_in, channels_out, side, stride), nn.BatchNorm2d(channels_out), nn.ReLU()]


@torch.no_grad()
def initialise(classifier: DigitClassifier, generator: torch.Generator) -> None:
    """Weights from N(0, 2/fan_in) (He et al., arXiv:1502.01852), biases 0, drawn from ``generator`` alone."""
    for module in classifier.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, math.sqrt(2 / fan_in), generator=generator)
            if module.bias is not None:
                module.bias.zero_()


def to_bytes(classifier: DigitClassifier) -> bytes:
    """The weights as a safetensors file."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    content: bytes = safetensors.torch.save(state)
    return content


def from_bytes(content: bytes) -> DigitClassifier:
    """The network on the CPU with the weights of a safetensors file, ready to describe images.

    Raises:
        ValueError: The bytes are no safetensors file, not of this network, or not finite.
    """
    try:
        state = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"not a safetensors file ({error})") from error
    classifier = DigitClassifier()
    for name, own in classifier.state_dict().items():
        stored = state.get(name)
        if stored is None or stored.shape != own.shape or stored.dtype != own.dtype:
            raise ValueError(f"{name} is not what the classifier has there")
        if not torch.isfinite(stored).all():
            raise ValueError(f"{name} is not finite")
    if len(state) != len(classifier.state_dict()):
        raise ValueError("more tensors than the classifier has")
    classifier.load_state_dict(state)
    return classifier.eval().requires_grad_(False)


# 500 images take some 20 MB on their way through the network.
_BATCH = 500


@dataclass(frozen=True)
class ClassifierOutput:
    """Features and class probabilities of n images, on the CPU.

    Attributes:
        features: float32 ``(n, 64)``, the penultimate layer.
        probabilities: float32 ``(n, 10)``, p(y|x).
    """

    features: Tensor
    probabilities: Tensor

    def __len__(self) -> int:
        return len(self.features)


@torch.inference_mode()
def extract_features(
    classifier: DigitClassifier,
    images: Tensor,
    *,
    report: Callable[[float], None] = lambda share: None,
    batch: int = _BATCH,
) -> ClassifierOutput:
    """Features and class probabilities of images, computed on the classifier's device.

    Args:
        classifier: In evaluation mode, so that images of a batch do not know of each other.
        images: uint8 ``(n, 784)``, on any device.
        report: Called with the share done after every batch; may raise to cancel.
        batch: Images at once; says how much memory is used, and nothing else.

    Raises:
        TypeError: The images are not bytes. Only images quantised like the data are comparable with it.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"images of {images.dtype} where uint8 is due")
    device = next(classifier.parameters()).device
    # Made outside inference mode, they can be used in any computation.
    with torch.inference_mode(False):
        features = torch.empty(len(images), FEATURES)
        probabilities = torch.empty(len(images), CLASSES)
    for start in range(0, len(images), batch):
        rows = slice(start, start + batch)
        seen, logits = classifier(images[rows].to(device).float() / 255)
        features[rows] = seen.float().cpu()
        probabilities[rows] = logits.float().softmax(1).cpu()
        report(min(1.0, (start + batch) / len(images)))
    return ClassifierOutput(features, probabilities)
