"""The gradient of the negative ELBO, written out for fully connected layers, as autograd computes it.

Every intermediate result has its tensor in a :class:`Workspace`. Several threads can share the work: each takes some
images through all layers and back, and then, when all have, computes the gradients of some of the parameters for all
images. So nothing is computed twice, and no gradients have to be added up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_vae.model import VAE, Decoder, Encoder
from tui_vae.training.fused.flat_parameters import FlatParameters
from tui_vae.training.fused.workspace import ElboSums, StepResult, Workspace
from tui_vae.training.step import StepInputs

Phase = Callable[[int, Tensor, StepInputs], None]


def _nothing() -> None:
    """Where nothing is to be computed from all parts."""


class _Layer:
    """A fully connected layer in the precision of the products, with the outputs for its gradients.

    Weights are ``(fan_out, fan_in)``, biases ``(fan_out,)``. ``shares`` has, for each thread, the rows of the weights
    and of the biases whose gradients it computes.
    """

    def __init__(
        self, parameters: tuple[Tensor, Tensor], gradients: tuple[Tensor, Tensor], shares: Sequence[tuple[slice, slice]]
    ) -> None:
        self.weight, self.bias = parameters
        self.transposed = self.weight.t()
        self.weight_gradient, self.bias_gradient = gradients
        self.shares = shares


@dataclass(frozen=True)
class _GradientSlice:
    """The gradients that one thread computes.

    Attributes:
        products: For weights: two factors, and the output for their product.
        columns: For biases: a tensor to sum over the images, and the output for the sums.
    """

    products: list[tuple[Tensor, Tensor, Tensor]]
    columns: list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class _Batch:
    """All that is allocated for one batch size.

    Attributes:
        workspaces: One for each part.
        sums: Of the whole batch.
        shares: One for each thread.
    """

    workspaces: list[Workspace]
    sums: ElboSums
    shares: list[_GradientSlice]


class NegativeElbo:
    """The gradient of the mean of -ELBO over a batch.

    Call :meth:`begin`, then each of :attr:`phases` for all parts and, once all have done it, what follows it; then
    :meth:`sum_up` once and :meth:`differentiate` for all parts. The terms are those of
    :mod:`tui_vae.model.objective`, with z = mu + sigma · noise (arXiv:1312.6114).

    Args:
        vae: The model.
        parameters: Its parameters.
        dtype: To which the factors of matrix products are rounded; float32 rounds nothing.
        parts: Parts of a batch and of the parameters; each can be computed by a thread of its own.
        free_bits: Nats of KL that are free in each latent.

    Attributes:
        phases: What takes the images of a part through all layers and back, with the part, the training images and the
            step's inputs; and what is to be computed from all parts before the next one.
        weights: The parameters in the precision of the products, laid out alike; to be kept up to date by the caller.
        gradients: The gradients of weights and biases, in that precision and laid out alike.
        slices: The slice of ``gradients`` that :meth:`differentiate` writes, for each part.
    """

    def __init__(
        self, vae: VAE, parameters: FlatParameters, dtype: torch.dtype, parts: int = 1, free_bits: float = 0.0
    ) -> None:
        self._log_sigma = vae.decoder.log_sigma.detach()
        self._learns_sigma = vae.decoder.log_sigma.requires_grad
        self._parts, self._free_bits = parts, free_bits
        self.phases: tuple[tuple[Phase, Callable[[], None]], ...] = ((self._forward_backward, _nothing),)
        if free_bits:  # what a latent costs is known when all of the batch is encoded
            self.phases = (
                (self._encode_images, self._find_free_latents),
                (self._decode_and_back, _nothing),
            )
        self.weights, self.gradients = parameters.values.to(dtype), parameters.gradients.to(dtype)
        self.slices = parameters.slices(parts)
        values, outputs = parameters.views(self.weights), parameters.views(self.gradients)
        shares = parameters.rows_of(self.slices)
        assert isinstance(vae.encoder.net, nn.Sequential)
        assert isinstance(vae.decoder.net, nn.Sequential)  # as check_layers found
        self._encoder = _layers("encoder.net", vae.encoder.net, values, outputs, shares)
        self._decoder = _layers("decoder.net", vae.decoder.net, values, outputs, shares)
        self._batches: dict[int, _Batch] = {}
        self._half_a_grey = self._log_sigma.new_tensor(0.5 / 65536)

    def load(self, values: Tensor) -> None:
        """Continue with other parameters, and with the model's sigma."""
        copy(values, self.weights)
        for batch in self._batches.values():
            batch.sums.set_sigma(self._log_sigma)

    def begin(self, images: int, kl_weight: Tensor | None = None) -> None:
        """Begin a step with a batch of so many images and this weight of the KL, before threads share it."""
        # There are few batch sizes: the usual one, and that of the last batch of an epoch.
        if images not in self._batches:
            self._batches[images] = self._allocated(images)
        elif self._learns_sigma:
            self._batches[images].sums.set_sigma(self._log_sigma)
        self._batch, self._images = self._batches[images], images
        if kl_weight is not None:
            self._batch.sums.set_kl_weight(kl_weight)

    def _forward_backward(self, part: int, images: Tensor, given: StepInputs) -> None:
        self._encode_images(part, images, given)
        self._decode_and_back(part, images, given)

    def _encode_images(self, part: int, images: Tensor, given: StepInputs) -> None:
        """Encode the images of a part; ``images`` are all of training."""
        rows, work = self._rows(part, self._images), self._batch.workspaces[part]
        # index_select is much faster than an index for rows as long as these.
        torch.index_select(images, 0, given.batch[rows], out=work.pixels)
        self._scale(work, None if given.pixel_noise is None else given.pixel_noise[rows])
        copy(work.x, work.x_rounded)
        self._encode(work, given.noise[rows])
        torch.sum(work.terms, 0, out=self._batch.sums.terms_of[part])

    def _decode_and_back(self, part: int, images: Tensor, given: StepInputs) -> None:
        """Decode the latents of a part, and take the errors back through all layers."""
        work, sums = self._batch.workspaces[part], self._batch.sums
        self._decode(work)
        torch.dot(work.flat_error, work.flat_error, out=sums.squared_error_of[part])
        slope = None if given.kl_weight is None else sums.kl_slope
        self._backward(work, given.noise[self._rows(part, self._images)], slope)

    def _find_free_latents(self) -> None:
        self._batch.sums.find_free_latents()

    def sum_up(self) -> None:
        """Compute :attr:`result` and :attr:`log_sigma_gradient`, after :meth:`forward_backward` of all parts."""
        sums = self._batch.sums
        if self._learns_sigma:
            sums.find_log_sigma_gradient()
        sums.sum_up()

    @property
    def result(self) -> StepResult:
        """The terms of the ELBO, of the last :meth:`sum_up`."""
        return self._batch.sums.result

    @property
    def log_sigma_gradient(self) -> Tensor:
        """The gradient of the decoder's log sigma if that is learned; not in ``gradients``: it is never rounded."""
        return self._batch.sums.log_sigma_gradient

    def differentiate(self, part: int) -> None:
        """Write the gradients of the weights and biases in one of the slices."""
        share = self._batch.shares[part]
        for errors, inputs, gradient in share.products:
            torch.mm(errors, inputs, out=gradient)
        for errors, gradient in share.columns:
            torch.sum(errors, 0, out=gradient)

    def _allocated(self, images: int) -> _Batch:
        zdim = self._decoder[0].weight.shape[1]
        encoder, decoder = ([len(layer.bias) for layer in net] for net in (self._encoder, self._decoder))
        whole = Workspace.allocate(images, zdim, encoder, decoder, self.weights)
        return _Batch(
            workspaces=[whole[self._rows(part, images)] for part in range(self._parts)],
            sums=ElboSums(self._parts, images, zdim, self._log_sigma, self._free_bits),
            shares=[self._share(part, whole) for part in range(self._parts)],
        )

    def _share(self, part: int, whole: Workspace) -> _GradientSlice:
        decoder = (self._decoder, [whole.z_rounded, *whole.decoded], whole.decoded_gradients)
        encoder = (self._encoder, [whole.x_rounded, *whole.encoded], whole.encoded_gradients)
        share = _GradientSlice([], [])
        for layers, inputs, errors in (decoder, encoder):
            for layer, layer_input, error in zip(layers, inputs, errors, strict=False):
                of_weight, of_bias = layer.shares[part]
                if of_weight.start < of_weight.stop:
                    share.products.append((error[:, of_weight].t(), layer_input, layer.weight_gradient[of_weight]))
                if of_bias.start < of_bias.stop:
                    share.columns.append((error[:, of_bias], layer.bias_gradient[of_bias]))
        return share

    def _rows(self, part: int, batch: int) -> slice:
        return slice(batch * part // self._parts, batch * (part + 1) // self._parts)

    def _scale(self, work: Workspace, pixel_noise: Tensor | None) -> None:
        """Compute the images in [0, 1], as :func:`tui_vae.data.image_ops.unit_interval` does, in the same bits."""
        work.x.copy_(work.pixels)
        if pixel_noise is None:
            work.x.div_(255)
        else:
            # The error is not known yet: its memory is free.
            torch.add(work.error.copy_(pixel_noise), work.x, alpha=256, out=work.x)
            torch.add(self._half_a_grey, work.x, alpha=1 / 65536, out=work.x)

    def _encode(self, work: Workspace, noise: Tensor) -> None:
        """Compute q(z|x), a draw of z, and the terms of the KL."""
        _forward(self._encoder, work.x_rounded, work.encoded)
        copy(work.encoded[-1], work.moments)
        mu, log_sigma, mu_squared, variance = work.each_term
        torch.exp(log_sigma, out=work.sigma)
        torch.addcmul(mu, work.sigma, noise, out=work.z)
        torch.mul(mu, mu, out=mu_squared)
        torch.mul(work.sigma, work.sigma, out=variance)

    def _decode(self, work: Workspace) -> None:
        """Compute the error of the mean of p(x|z)."""
        copy(work.z, work.z_rounded)
        _forward(self._decoder, work.z_rounded, work.decoded)
        copy(work.decoded[-1], work.mean)
        torch.sub(work.mean, work.x, out=work.error)

    def _backward(self, work: Workspace, noise: Tensor, kl_slope: Tensor | None) -> None:
        """Compute the gradients of the outputs of all layers, from the last to the first."""
        batch = self._images
        work.error.mul_(self._batch.sums.slope)
        copy(work.error, work.decoded_gradients[-1])
        _backward(self._decoder, work.decoded, work.decoded_gradients)
        torch.mm(work.decoded_gradients[0], self._decoder[0].weight, out=work.z_rounded_gradient)
        copy(work.z_rounded_gradient, work.z_gradient)
        mu, _, _, variance = work.each_term
        mu_gradient, log_sigma_gradient = work.mu_and_log_sigma_gradient
        if kl_slope is None:
            torch.add(work.z_gradient, mu, alpha=1 / batch, out=mu_gradient)
        else:
            torch.addcmul(work.z_gradient, mu, kl_slope, out=mu_gradient)
        torch.mul(work.z_gradient, noise, out=log_sigma_gradient)
        if kl_slope is None:
            log_sigma_gradient.mul_(work.sigma).add_(variance, alpha=1 / batch).sub_(1 / batch)
        else:
            log_sigma_gradient.mul_(work.sigma).addcmul_(variance, kl_slope).sub_(kl_slope)
        copy(work.moments_gradient, work.encoded_gradients[-1])
        _backward(self._encoder, work.encoded, work.encoded_gradients)


def check_layers(vae: VAE) -> str | None:
    """Return what of a model this gradient does not fit, in a few words; ``None`` if it fits."""
    for part in (vae.encoder, vae.decoder):
        if type(part) not in (Encoder, Decoder):
            return type(part).__name__
        if not isinstance(part.net, nn.Sequential):
            return type(part.net).__name__
        for index, module in enumerate(part.net):
            if not isinstance(module, nn.ReLU if index % 2 else nn.Linear):
                return type(module).__name__
    return None


def copy(source: Tensor, target: Tensor) -> None:
    """Convert ``source`` to the precision of ``target``; if it is the same, both are the same memory."""
    if target.dtype != source.dtype:
        target.copy_(source)


def _layers(
    name: str,
    net: nn.Sequential,
    values: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    shares: Mapping[str, Sequence[slice]],
) -> list[_Layer]:
    """Return the fully connected layers of ``net``, whose parameters are ``NAME.INDEX.weight`` and ``.bias``."""
    layers = []
    for index, module in enumerate(net):
        if isinstance(module, nn.Linear):
            weight, bias = f"{name}.{index}.weight", f"{name}.{index}.bias"
            rows = list(zip(shares[weight], shares[bias], strict=True))
            layers.append(_Layer((values[weight], values[bias]), (gradients[weight], gradients[bias]), rows))
    return layers


def _forward(layers: Sequence[_Layer], inputs: Tensor, outputs: Sequence[Tensor]) -> None:
    """Write the output of every layer, after a ReLU except for the last."""
    for layer, output in zip(layers, outputs, strict=True):
        torch.addmm(layer.bias, inputs, layer.transposed, out=output)
        if output is not outputs[-1]:
            output.relu_()
        inputs = output


def _backward(layers: Sequence[_Layer], outputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """Write the gradients of all outputs before the ReLU, given that of the last."""
    for index in reversed(range(1, len(layers))):
        below = torch.mm(gradients[index], layers[index].weight, out=gradients[index - 1])
        torch.ops.aten.threshold_backward.grad_input(below, outputs[index - 1], 0, grad_input=below)
