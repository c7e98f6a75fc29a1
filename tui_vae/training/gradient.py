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

from tui_vae.model import VAE
from tui_vae.training.buffers import Workspace
from tui_vae.training.elbo_sums import BatchSums, StepSums
from tui_vae.training.flat_parameters import FlatParameters


class _Layer:
    """A fully connected layer in the precision of the products, and where its gradients go.

    Weights are ``(fan_out, fan_in)``, biases ``(fan_out,)``. The gradients of the rows of ``shares`` belong to one
    thread each: of the weights, and of the biases.
    """

    def __init__(
        self, parameters: tuple[Tensor, Tensor], gradients: tuple[Tensor, Tensor], shares: Sequence[tuple[slice, slice]]
    ) -> None:
        self.weight, self.bias = parameters
        self.transposed = self.weight.t()
        self.weight_gradient, self.bias_gradient = gradients
        self.shares = shares


@dataclass(frozen=True)
class _Share:
    """The gradients that belong to one thread.

    Attributes:
        products: Of weights: the factors, and where the product goes.
        columns: Of biases: what is to be summed over the images, and where the sums go.
    """

    products: list[tuple[Tensor, Tensor, Tensor]]
    columns: list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class _Batch:
    """All that is prepared for batches of so many images.

    Attributes:
        places: Of each part.
        sums: Of all of them.
        shares: Of each thread.
    """

    places: list[Workspace]
    sums: BatchSums
    shares: list[_Share]


class NegativeElbo:
    """The gradient of the mean of -ELBO over a batch.

    First :meth:`begin`, then :meth:`forward_backward` of all parts, then :meth:`sum_up` once and :meth:`differentiate`
    of all parts. The terms are those of :mod:`tui_vae.model.objective`, with z = mu + sigma · noise (arXiv:1312.6114).

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
        self._learns_sigma = vae.decoder.log_sigma.requires_grad
        self._parts = parts
        self.weights, self.gradients = parameters.values.to(dtype), parameters.gradients.to(dtype)
        self.slices = parameters.slices(parts)
        values, into = parameters.views(self.weights), parameters.views(self.gradients)
        shares = parameters.rows_of(self.slices)
        self._encoder = _layers("encoder.net", vae.encoder.net, values, into, shares)
        self._decoder = _layers("decoder.net", vae.decoder.net, values, into, shares)
        self._batches: dict[int, _Batch] = {}

    def load(self, values: Tensor) -> None:
        """Go on with other parameters, and with what they say of the decoder's sigma."""
        copy(values, self.weights)
        for batch in self._batches.values():
            batch.sums.take_sigma(self._log_sigma)

    def begin(self, images: int) -> None:
        """Begin a step with a batch of so many images, before threads share it."""
        # There are few sizes of a batch: the usual one, and that of the last in an epoch.
        if images not in self._batches:
            self._batches[images] = self._prepared(images)
        elif self._learns_sigma:
            self._batches[images].sums.take_sigma(self._log_sigma)
        self._batch, self._images = self._batches[images], images

    def forward_backward(self, part: int, images: Tensor, batch: Tensor, noise: Tensor) -> None:
        """Take the images of a part through all layers and back.

        Args:
            part: Which.
            images: All images, uint8 ``(n, 784)``.
            batch: Indices of those of the batch, int64 ``(batch,)``.
            noise: Standard normal ``(batch, zdim)``.
        """
        rows, places, sums = self._rows(part, self._images), self._batch.places[part], self._batch.sums
        # Of rows as whole as these, index_select is much faster than an index.
        torch.index_select(images, 0, batch[rows], out=places.pixels)
        places.x.copy_(places.pixels).div_(255)
        copy(places.x, places.x_rounded)
        noise = noise[rows]
        self._encode(places, noise)
        torch.sum(places.terms, 0, out=sums.terms_of[part])
        self._decode(places)
        torch.dot(places.all_errors, places.all_errors, out=sums.squared_error_of[part])
        self._propagate_back(places, noise, sums.slope, self._images)

    def sum_up(self) -> None:
        """Leave in :attr:`told` what the batch tells, once all its parts were propagated."""
        sums = self._batch.sums
        if self._learns_sigma:
            sums.find_log_sigma_gradient()
        sums.sum_up()

    @property
    def told(self) -> StepSums:
        """What the last :meth:`sum_up` told."""
        return self._batch.sums.told

    @property
    def log_sigma_gradient(self) -> Tensor:
        """Of the loss, by the decoder's log sigma where it is learned; not among ``gradients``: it is never rounded."""
        return self._batch.sums.log_sigma_gradient

    def differentiate(self, part: int) -> None:
        """Write the gradients of the weights and biases in one of the slices."""
        share = self._batch.shares[part]
        for errors, inputs, gradient in share.products:
            torch.mm(errors, inputs, out=gradient)
        for errors, gradient in share.columns:
            torch.sum(errors, 0, out=gradient)

    def _prepared(self, images: int) -> _Batch:
        zdim = self._decoder[0].weight.shape[1]
        widths = [[len(layer.bias) for layer in net] for net in (self._encoder, self._decoder)]
        whole = Workspace.of(images, zdim, widths[0], widths[1], self.weights)
        return _Batch(
            places=[whole[self._rows(part, images)] for part in range(self._parts)],
            sums=BatchSums(self._parts, images, zdim, self._log_sigma),
            shares=[self._share(part, whole) for part in range(self._parts)],
        )

    def _share(self, part: int, whole: Workspace) -> _Share:
        decoder = (self._decoder, [whole.z_rounded, *whole.decoded], whole.decoded_gradients)
        encoder = (self._encoder, [whole.x_rounded, *whole.encoded], whole.encoded_gradients)
        share = _Share([], [])
        for layers, inputs, errors in (decoder, encoder):
            for layer, given, error in zip(layers, inputs, errors, strict=False):
                of_weight, of_bias = layer.shares[part]
                if of_weight.start < of_weight.stop:
                    share.products.append((error[:, of_weight].t(), given, layer.weight_gradient[of_weight]))
                if of_bias.start < of_bias.stop:
                    share.columns.append((error[:, of_bias], layer.bias_gradient[of_bias]))
        return share

    def _rows(self, part: int, batch: int) -> slice:
        return slice(batch * part // self._parts, batch * (part + 1) // self._parts)

    def _encode(self, places: Workspace, noise: Tensor) -> None:
        """q(z|x), a draw of z, and the terms of the KL."""
        _forward(self._encoder, places.x_rounded, places.encoded)
        copy(places.encoded[-1], places.moments)
        mu, log_sigma, mu_squared, variance = places.each_term
        torch.exp(log_sigma, out=places.sigma)
        torch.addcmul(mu, places.sigma, noise, out=places.z)
        torch.mul(mu, mu, out=mu_squared)
        torch.mul(places.sigma, places.sigma, out=variance)

    def _decode(self, places: Workspace) -> None:
        """The error of the mean of p(x|z)."""
        copy(places.z, places.z_rounded)
        _forward(self._decoder, places.z_rounded, places.decoded)
        copy(places.decoded[-1], places.mean)
        torch.sub(places.mean, places.x, out=places.error)

    def _propagate_back(self, places: Workspace, noise: Tensor, slope: Tensor, batch: int) -> None:
        """The gradients of the outputs of all layers, from the last to the first."""
        places.error.mul_(slope)
        copy(places.error, places.decoded_gradients[-1])
        _backward(self._decoder, places.decoded, places.decoded_gradients)
        torch.mm(places.decoded_gradients[0], self._decoder[0].weight, out=places.z_rounded_gradient)
        copy(places.z_rounded_gradient, places.z_gradient)
        mu, _, _, variance = places.each_term
        mu_gradient, log_sigma_gradient = places.mu_and_log_sigma_gradient
        torch.add(places.z_gradient, mu, alpha=1 / batch, out=mu_gradient)
        torch.mul(places.z_gradient, noise, out=log_sigma_gradient)
        log_sigma_gradient.mul_(places.sigma).add_(variance, alpha=1 / batch).sub_(1 / batch)
        copy(places.moments_gradient, places.encoded_gradients[-1])
        _backward(self._encoder, places.encoded, places.encoded_gradients)


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
            layers.append(_Layer((values[weight], values[bias]), (gradients[weight], gradients[bias]), of_each))
    return layers


def _forward(layers: Sequence[_Layer], inputs: Tensor, outputs: Sequence[Tensor]) -> None:
    """Write the output of every layer, after a ReLU but for the last."""
    for layer, output in zip(layers, outputs, strict=True):
        torch.addmm(layer.bias, inputs, layer.transposed, out=output)
        if output is not outputs[-1]:
            output.relu_()
        inputs = output


def _backward(layers: Sequence[_Layer], outputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """Write the gradients of all outputs before the ReLU, where that of the last is given."""
    for index in reversed(range(1, len(layers))):
        below = torch.mm(gradients[index], layers[index].weight, out=gradients[index - 1])
        torch.ops.aten.threshold_backward.grad_input(below, outputs[index - 1], 0, grad_input=below)
