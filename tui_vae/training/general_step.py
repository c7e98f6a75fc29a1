"""The training step for any network: autograd and torch's fused Adam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from tui_vae.data.image_ops import unit_interval
from tui_vae.model import VAE, Decoder
from tui_vae.training.accumulators import DeviceTotals
from tui_vae.training.step import MAX_LOSS, MOMENTS, Capture, GroupLimit, StepInputs

_LIMIT = GroupLimit(steps=10, work=2**27)
"""Some ten milliseconds: a pause waits no longer."""


class GeneralStep:
    """A :class:`tui_vae.training.step.Step` for any :class:`VAE`, whatever its encoder and decoder are made of.

    ``vae(x, noise)`` returns the terms of the ELBO, autograd differentiates their mean, and Adam moves the parameters.
    Nothing is read by the host, so that steps on a CUDA device can be captured as a graph.

    Args:
        vae: The model.
        dtype: To which the factors of matrix products are rounded; float32 rounds nothing.
        threads: Intra-op threads.
        batch: The usual batch size.
        free_bits: Nats of KL that are free in each latent.
    """

    def __init__(self, vae: VAE, dtype: torch.dtype, *, threads: int, batch: int, free_bits: float = 0.0) -> None:
        del batch  # autograd allocates what each batch needs
        named = {name: parameter for name, parameter in vae.named_parameters() if parameter.requires_grad}
        self._vae = vae
        self._free_bits = free_bits
        self._floor = vae.decoder.log_sigma_floor if isinstance(vae.decoder, Decoder) else None
        self._dtype = dtype
        self._names = tuple(named)
        self._parameters: list[Tensor] = list(named.values())
        self._exp_avg = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._exp_avg_sq = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._device = self._parameters[0].device
        self._steps = [torch.zeros((), device=self._device) for _ in self._parameters]
        self.size = sum(parameter.numel() for parameter in self._parameters)
        self.intra_op = threads
        self.failed = torch.zeros((), device=self._device)
        self.limit = _LIMIT
        self.capture: Capture | None = None
        # What a graph replays would draw from the generator that all models share.
        self.may_be_graph = vae.randomness is None

    def __call__(self, images: Tensor, inputs: Sequence[StepInputs], sums: DeviceTotals) -> None:
        """Take one step for each of ``inputs``; see :meth:`tui_vae.training.step.Step.__call__`."""
        for one in inputs:
            self._take(images, one, sums)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the weights, and Adam's state named ``PARAMETER.MOMENT``: the tensors that later steps change."""
        of_each = zip(self._names, self._exp_avg, self._exp_avg_sq, self._steps, strict=True)
        optimizer = {f"{name}.{key}": t for name, *state in of_each for key, t in zip(MOMENTS, state, strict=True)}
        return self._vae.weights(), optimizer

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned."""
        self._vae.load_weights(weights)
        for name, tensor in self.state()[1].items():
            tensor.copy_(optimizer[name])

    def _take(self, images: Tensor, given: StepInputs, sums: DeviceTotals) -> None:
        x = unit_interval(images.index_select(0, given.batch), given.pixel_noise)
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._dtype == torch.bfloat16):
            terms = self._vae(x, given.noise)
        loss = terms.loss()
        weight = given.kl_weight
        objective = loss if weight is None else terms.objective(weight, self._free_bits)
        # Of a parameter that took no part, 0: Adam leaves it as it is.
        gradients = torch.autograd.grad(objective, self._parameters, materialize_grads=True)
        with torch.no_grad():
            given.loss.copy_(loss)
            sums.add_terms(terms)
            self.failed.logical_or_(~(loss.abs() < MAX_LOSS))  # also true of NaN
            adam(
                self._parameters,
                list(gradients),
                self._exp_avg,
                self._exp_avg_sq,
                [],
                self._steps,
                fused=True,
                found_inf=self.failed,  # 1: leave everything as it is
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=given.lr,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )
            if self._floor is not None:
                self._vae.decoder.log_sigma.clamp_(min=self._floor)
