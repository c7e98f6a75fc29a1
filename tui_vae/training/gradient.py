"""The gradient of the negative ELBO, written out for fully connected layers: no graph, and no memory asked for.

What autograd gives (the tests hold this against it), in the fewest passes over memory. Everything that a step computes
has its place, which is the same at every step: fresh memory costs more than what small layers compute in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_vae.config import PIXELS
from tui_vae.model import VAE
from tui_vae.model.objective import LOG_2_PI
from tui_vae.training.parameters import FlatParameters


@dataclass(frozen=True)
class StepSums:
    """What a step tells of the ELBO, as tensors on the device that the next step changes.

    Attributes:
        loss: Mean of -ELBO over the batch, a scalar.
        reconstruction: Sum over the batch of log p(x|z), a scalar.
        latents: Sums over the batch of the KL, of E_q z and of its square, of each latent, ``(3, zdim)``.
    """

    loss: Tensor
    reconstruction: Tensor
    latents: Tensor


@dataclass(frozen=True)
class _Layer:
    """A fully connected layer in the precision of the products, and where its gradients go.

    Weights are ``(fan_out, fan_in)``, biases ``(fan_out,)``.
    """

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor


class _Places:
    """Where the passes over a batch of so many images leave what they compute; all rows are images.

    What leaves or enters the products has two places, one in their precision (``dtype``) and one in single precision;
    where that is the same, so are the places.
    """

    def __init__(self, images: int, encoder: Sequence[_Layer], decoder: Sequence[_Layer]) -> None:
        like, zdim = encoder[0].weight, decoder[0].weight.shape[1]
        self.x_rounded, self.z_rounded = like.new_empty(images, PIXELS), like.new_empty(images, zdim)
        # Outputs of the layers, after the ReLU where there is one, and the gradients of what was before it.
        self.encoded, self.encoded_gradients = ([_rows(images, layer) for layer in encoder] for _ in range(2))
        self.decoded, self.decoded_gradients = ([_rows(images, layer) for layer in decoder] for _ in range(2))
        self.z_rounded_gradient = torch.empty_like(self.z_rounded)
        self.x, self.z, self.z_gradient = (
            self.x_rounded.float(),
            self.z_rounded.float(),
            self.z_rounded_gradient.float(),
        )
        # mu and log sigma of q(z|x) side by side, and below mu² and sigma².
        self.moments, self.moments_gradient = self.encoded[-1].float(), self.encoded_gradients[-1].float()
        self.squares = torch.empty_like(self.moments)
        self.sigma = torch.empty_like(self.z)
        # Of the mean of p(x|z); first its gradient but for a factor, which is its error.
        self.mean, self.mean_gradient = self.decoded[-1].float(), self.decoded_gradients[-1].float()
        self.loss, self.reconstruction, self.squared_error, self.scale = self.x.new_empty(4).unbind()
        self.latents = self.x.new_empty(3, zdim)


class NegativeElbo:
    """Writes the gradient of the mean of -ELBO over a batch to ``parameters.gradients``.

    The terms are those of :mod:`tui_vae.model.objective`, with z = mu + sigma · noise (arXiv:1312.6114).

    Args:
        vae: The model.
        parameters: Its parameters.
        dtype: Of the matrix products: float32, or what their factors are rounded to.
    """

    def __init__(self, vae: VAE, parameters: FlatParameters, dtype: torch.dtype) -> None:
        self._parameters = parameters
        self._log_sigma = vae.decoder.log_sigma.detach()
        self._log_sigma_gradient = parameters.views(parameters.gradients).get("decoder.log_sigma")
        self._rounded, self._rounded_gradients = parameters.values.to(dtype), parameters.gradients.to(dtype)
        values, gradients = parameters.views(self._rounded), parameters.views(self._rounded_gradients)
        self._encoder = _layers("encoder.net", vae.encoder.net, values, gradients)
        self._decoder = _layers("decoder.net", vae.decoder.net, values, gradients)
        self._places: dict[int, _Places] = {}

    @torch.no_grad()
    def __call__(self, images: Tensor, noise: Tensor) -> StepSums:
        """One pass forward and one back.

        Args:
            images: uint8 ``(batch, 784)``.
            noise: Standard normal ``(batch, zdim)``.
        """
        # There are few sizes of a batch: the usual one, and that of the last in an epoch.
        places = self._places.get(len(images))
        if places is None:
            places = self._places[len(images)] = _Places(len(images), self._encoder, self._decoder)
        places.x.copy_(images).div_(255)
        _copy(places.x, places.x_rounded)
        _copy(self._parameters.values, self._rounded)
        self._encode(places, noise)
        self._decode(places)
        self._propagate_back(places, noise)
        return StepSums(places.loss, places.reconstruction, places.latents)

    def _encode(self, places: _Places, noise: Tensor) -> None:
        """q(z|x), a draw of z, and the sums of the KL and of the means."""
        _forward(self._encoder, places.x_rounded, places.encoded)
        _copy(places.encoded[-1], places.moments)
        mu, log_sigma = places.moments.chunk(2, dim=1)
        mu_squared, variance = places.squares.chunk(2, dim=1)
        torch.exp(log_sigma, out=places.sigma)
        torch.addcmul(mu, places.sigma, noise, out=places.z)
        torch.mul(mu, mu, out=mu_squared)
        torch.mul(places.sigma, places.sigma, out=variance)
        sum_of_mu, sum_of_log_sigma = places.moments.sum(0).chunk(2)
        sum_of_mu_squared, sum_of_variance = places.squares.sum(0).chunk(2)
        kl, places.latents[1], places.latents[2] = places.latents[0], sum_of_mu, sum_of_mu_squared
        torch.add(sum_of_mu_squared, sum_of_variance, out=kl)
        kl.sub_(len(noise)).mul_(0.5).sub_(sum_of_log_sigma)

    def _decode(self, places: _Places) -> None:
        """The error of the mean of p(x|z), and the loss."""
        _copy(places.z, places.z_rounded)
        _forward(self._decoder, places.z_rounded, places.decoded)
        _copy(places.decoded[-1], places.mean)
        error, images = torch.sub(places.mean, places.x, out=places.mean_gradient).view(-1), len(places.x)
        torch.dot(error, error, out=places.squared_error)
        torch.mul(self._log_sigma, -2, out=places.scale)
        places.scale.exp_()
        torch.mul(places.squared_error, places.scale, out=places.reconstruction)
        places.reconstruction.mul_(-0.5).sub_((self._log_sigma + LOG_2_PI / 2).mul_(images * PIXELS))
        torch.sub(places.latents[0].sum(), places.reconstruction, out=places.loss)
        places.loss.div_(images)

    def _propagate_back(self, places: _Places, noise: Tensor) -> None:
        """The gradients of all layers, from the last to the first."""
        images = len(noise)
        places.scale.div_(images)
        places.mean_gradient.mul_(places.scale)
        _copy(places.mean_gradient, places.decoded_gradients[-1])
        _backward(self._decoder, places.z_rounded, places.decoded, places.decoded_gradients)
        torch.mm(places.decoded_gradients[0], self._decoder[0].weight, out=places.z_rounded_gradient)
        _copy(places.z_rounded_gradient, places.z_gradient)
        mu, _ = places.moments.chunk(2, dim=1)
        _, variance = places.squares.chunk(2, dim=1)
        mu_gradient, log_sigma_gradient = places.moments_gradient.chunk(2, dim=1)
        torch.add(places.z_gradient, mu, alpha=1 / images, out=mu_gradient)
        torch.mul(places.z_gradient, noise, out=log_sigma_gradient)
        log_sigma_gradient.mul_(places.sigma).add_(variance, alpha=1 / images).sub_(1 / images)
        _copy(places.moments_gradient, places.encoded_gradients[-1])
        _backward(self._encoder, places.x_rounded, places.encoded, places.encoded_gradients)
        _copy(self._rounded_gradients, self._parameters.gradients)
        if self._log_sigma_gradient is not None:
            torch.mul(places.squared_error, places.scale, out=self._log_sigma_gradient)
            self._log_sigma_gradient.neg_().add_(PIXELS)


def _layers(name: str, net: nn.Sequential, values: Mapping[str, Tensor], grads: Mapping[str, Tensor]) -> list[_Layer]:
    """The fully connected layers of ``net``, whose parameters are called ``NAME.INDEX.weight`` and ``.bias``."""
    names = [f"{name}.{index}" for index, module in enumerate(net) if isinstance(module, nn.Linear)]
    return [_Layer(values[f"{n}.weight"], values[f"{n}.bias"], grads[f"{n}.weight"], grads[f"{n}.bias"]) for n in names]


def _rows(images: int, layer: _Layer) -> Tensor:
    return layer.bias.new_empty(images, len(layer.bias))


def _copy(source: Tensor, target: Tensor) -> None:
    """To another precision, unless there is no other."""
    if target is not source:
        target.copy_(source)


def _forward(layers: Sequence[_Layer], inputs: Tensor, outputs: Sequence[Tensor]) -> None:
    """Write the output of every layer, after a ReLU but for the last."""
    for layer, output in zip(layers, outputs, strict=True):
        torch.addmm(layer.bias, inputs, layer.weight.t(), out=output)
        if output is not outputs[-1]:
            output.relu_()
        inputs = output


def _backward(layers: Sequence[_Layer], inputs: Tensor, outputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """Write the gradients of parameters and outputs, where that of the last output is given."""
    for index in reversed(range(len(layers))):
        layer, gradient = layers[index], gradients[index]
        torch.mm(gradient.t(), outputs[index - 1] if index else inputs, out=layer.weight_gradient)
        torch.sum(gradient, 0, out=layer.bias_gradient)
        if index:
            below = torch.mm(gradient, layer.weight, out=gradients[index - 1])
            torch.ops.aten.threshold_backward.grad_input(below, outputs[index - 1], 0, grad_input=below)
