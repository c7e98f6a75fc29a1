"""The gradient of the negative ELBO, written out for fully connected layers: no graph, and no memory asked for.

What autograd gives (the tests hold this against it), in the fewest passes over memory. Everything that a step computes
has its place, which is the same at every step: fresh memory costs more than what small layers compute in it. Several
threads can share the work: each takes some images through all layers and back, and then, when all have, the gradients
of some of the parameters, for all images. So nothing is computed twice, and nothing has to be added up.
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
        loss: Mean of -ELBO over the batch, a scalar; of a part of it, what that part adds.
        reconstruction: Sum over the images of log p(x|z), a scalar.
        latents: Sums over the images of the KL, of E_q z and of its square, of each latent, ``(3, zdim)``.
        log_sigma_gradient: Of the loss, by the decoder's log sigma, a scalar.
    """

    loss: Tensor
    reconstruction: Tensor
    latents: Tensor
    log_sigma_gradient: Tensor


@dataclass(frozen=True)
class _Layer:
    """A fully connected layer in the precision of the products, and where its gradients go.

    Weights are ``(fan_out, fan_in)``, biases ``(fan_out,)``. The gradients of the rows of ``shares`` belong to one
    thread each: of the weights, and of the biases.
    """

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor
    shares: Sequence[tuple[slice, slice]]


class _Places:
    """Where the passes over a batch of so many images leave what they compute; all rows are images.

    What leaves or enters the products has two places, one in their precision (``dtype``) and one in single precision;
    where that is the same, so are the places.
    """

    def __init__(self, images: int, encoder: Sequence[_Layer], decoder: Sequence[_Layer]) -> None:
        like, zdim = encoder[0].weight, decoder[0].weight.shape[1]
        self.pixels = torch.empty(images, PIXELS, dtype=torch.uint8, device=like.device)
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

    def _add_sums(self) -> None:
        self.loss, self.reconstruction, self.squared_error, self.scale = self.x.new_empty(4).unbind()
        self.log_sigma_gradient = self.x.new_empty(())
        self.latents = self.x.new_empty(3, self.z.shape[1])

    def part(self, rows: slice) -> _Places:
        """The places of some of the images, with sums of their own."""
        part = _Places.__new__(_Places)
        for name, place in vars(self).items():
            setattr(part, name, [one[rows] for one in place] if isinstance(place, list) else place[rows])
        part._add_sums()
        return part


class NegativeElbo:
    """The gradient of the mean of -ELBO over a batch: first :meth:`propagate` of all parts, then :meth:`differentiate`.

    The terms are those of :mod:`tui_vae.model.objective`, with z = mu + sigma · noise (arXiv:1312.6114).

    Args:
        vae: The model.
        parameters: Its parameters.
        dtype: Of the matrix products: float32, or what their factors are rounded to.
        parts: Of a batch and of the parameters; each can be given to a thread of its own.

    Attributes:
        weights: The parameters in the precision of the products, laid out alike; whoever changes those keeps these.
        gradients: Those of weights and biases, in that precision and laid out alike.
        slices: What :meth:`differentiate` of each part writes of ``gradients``.
    """

    def __init__(self, vae: VAE, parameters: FlatParameters, dtype: torch.dtype, parts: int = 1) -> None:
        self._log_sigma = vae.decoder.log_sigma.detach()
        self._parts = parts
        self.weights, self.gradients = parameters.values.to(dtype), parameters.gradients.to(dtype)
        self.slices = parameters.slices(parts)
        values, into = parameters.views(self.weights), parameters.views(self.gradients)
        shares = parameters.rows_of(self.slices)
        self._encoder = _layers("encoder.net", vae.encoder.net, values, into, shares)
        self._decoder = _layers("decoder.net", vae.decoder.net, values, into, shares)
        self._places: dict[int, tuple[_Places, list[_Places]]] = {}

    @torch.no_grad()
    def propagate(self, part: int, images: Tensor, batch: Tensor, noise: Tensor) -> StepSums:
        """Take the images of a part through all layers and back.

        Args:
            part: Which.
            images: All images, uint8 ``(n, 784)``.
            batch: Indices of those of the batch, int64 ``(batch,)``.
            noise: Standard normal ``(batch, zdim)``.
        """
        rows = self._rows(part, len(batch))
        places = self._places_of(len(batch))[1][part]
        # Of rows as whole as these, index_select is much faster than an index.
        torch.index_select(images, 0, batch[rows], out=places.pixels)
        places.x.copy_(places.pixels).div_(255)
        copy(places.x, places.x_rounded)
        self._encode(places, noise[rows])
        self._decode(places, len(batch))
        self._propagate_back(places, noise[rows], len(batch))
        return StepSums(places.loss, places.reconstruction, places.latents, places.log_sigma_gradient)

    @torch.no_grad()
    def differentiate(self, part: int, batch: int) -> None:
        """Write the gradients of a slice of the parameters, of weights and biases.

        Args:
            part: Which.
            batch: Images of the batch that was propagated.
        """
        whole = self._places_of(batch)[0]
        _differentiate(self._decoder, part, whole.z_rounded, whole.decoded, whole.decoded_gradients)
        _differentiate(self._encoder, part, whole.x_rounded, whole.encoded, whole.encoded_gradients)

    def prepare(self, batch: int) -> None:
        """Make the places for a batch of so many images, before threads need them."""
        self._places_of(batch)

    def _places_of(self, batch: int) -> tuple[_Places, list[_Places]]:
        # There are few sizes of a batch: the usual one, and that of the last in an epoch.
        if batch not in self._places:
            whole = _Places(batch, self._encoder, self._decoder)
            self._places[batch] = whole, [whole.part(self._rows(part, batch)) for part in range(self._parts)]
        return self._places[batch]

    def _rows(self, part: int, batch: int) -> slice:
        return slice(batch * part // self._parts, batch * (part + 1) // self._parts)

    def _encode(self, places: _Places, noise: Tensor) -> None:
        """q(z|x), a draw of z, and the sums of the KL and of the means."""
        _forward(self._encoder, places.x_rounded, places.encoded)
        copy(places.encoded[-1], places.moments)
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

    def _decode(self, places: _Places, batch: int) -> None:
        """The error of the mean of p(x|z), and the loss."""
        copy(places.z, places.z_rounded)
        _forward(self._decoder, places.z_rounded, places.decoded)
        copy(places.decoded[-1], places.mean)
        error, images = torch.sub(places.mean, places.x, out=places.mean_gradient).view(-1), len(places.x)
        torch.dot(error, error, out=places.squared_error)
        torch.mul(self._log_sigma, -2, out=places.scale)
        places.scale.exp_()
        torch.mul(places.squared_error, places.scale, out=places.reconstruction)
        places.reconstruction.mul_(-0.5).sub_((self._log_sigma + LOG_2_PI / 2).mul_(images * PIXELS))
        torch.sub(places.latents[0].sum(), places.reconstruction, out=places.loss)
        places.loss.div_(batch)

    def _propagate_back(self, places: _Places, noise: Tensor, batch: int) -> None:
        """The gradients of the outputs of all layers, from the last to the first, and that of log sigma."""
        places.scale.div_(batch)
        places.mean_gradient.mul_(places.scale)
        copy(places.mean_gradient, places.decoded_gradients[-1])
        _backward(self._decoder, places.decoded, places.decoded_gradients)
        torch.mm(places.decoded_gradients[0], self._decoder[0].weight, out=places.z_rounded_gradient)
        copy(places.z_rounded_gradient, places.z_gradient)
        mu, _ = places.moments.chunk(2, dim=1)
        _, variance = places.squares.chunk(2, dim=1)
        mu_gradient, log_sigma_gradient = places.moments_gradient.chunk(2, dim=1)
        torch.add(places.z_gradient, mu, alpha=1 / batch, out=mu_gradient)
        torch.mul(places.z_gradient, noise, out=log_sigma_gradient)
        log_sigma_gradient.mul_(places.sigma).add_(variance, alpha=1 / batch).sub_(1 / batch)
        copy(places.moments_gradient, places.encoded_gradients[-1])
        _backward(self._encoder, places.encoded, places.encoded_gradients)
        torch.mul(places.squared_error, places.scale, out=places.log_sigma_gradient)
        places.log_sigma_gradient.neg_().add_(PIXELS * len(noise) / batch)


def copy(source: Tensor, target: Tensor) -> None:
    """To another precision, unless there is no other and both are the same place."""
    if target.dtype != source.dtype:
        target.copy_(source)


def _layers(
    name: str,
    net: nn.Sequential,
    values: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    shares: Mapping[str, Sequence[slice]],
) -> list[_Layer]:
    """The fully connected layers of ``net``, whose parameters are called ``NAME.INDEX.weight`` and ``.bias``."""
    layers = []
    for index, module in enumerate(net):
        if isinstance(module, nn.Linear):
            weight, bias = f"{name}.{index}.weight", f"{name}.{index}.bias"
            of_each = list(zip(shares[weight], shares[bias], strict=True))
            layers.append(_Layer(values[weight], values[bias], gradients[weight], gradients[bias], of_each))
    return layers


def _rows(images: int, layer: _Layer) -> Tensor:
    return layer.bias.new_empty(images, len(layer.bias))


def _forward(layers: Sequence[_Layer], inputs: Tensor, outputs: Sequence[Tensor]) -> None:
    """Write the output of every layer, after a ReLU but for the last."""
    for layer, output in zip(layers, outputs, strict=True):
        torch.addmm(layer.bias, inputs, layer.weight.t(), out=output)
        if output is not outputs[-1]:
            output.relu_()
        inputs = output


def _backward(layers: Sequence[_Layer], outputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """Write the gradients of all outputs before the ReLU, where that of the last is given."""
    for index in reversed(range(1, len(layers))):
        below = torch.mm(gradients[index], layers[index].weight, out=gradients[index - 1])
        torch.ops.aten.threshold_backward.grad_input(below, outputs[index - 1], 0, grad_input=below)


def _differentiate(
    layers: Sequence[_Layer], part: int, inputs: Tensor, outputs: Sequence[Tensor], gradients: Sequence[Tensor]
) -> None:
    """Write the gradients of the parameters that belong to a part."""
    for layer, given, gradient in zip(layers, [inputs, *outputs], gradients, strict=False):
        of_weight, of_bias = layer.shares[part]
        if of_weight.start < of_weight.stop:
            torch.mm(gradient[:, of_weight].t(), given, out=layer.weight_gradient[of_weight])
        if of_bias.start < of_bias.stop:
            torch.sum(gradient[:, of_bias], 0, out=layer.bias_gradient[of_bias])
