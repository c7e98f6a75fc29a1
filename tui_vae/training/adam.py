"""Adam (arXiv:1412.6980) in one pass over memory, with its state in plain view."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam

from tui_vae.model import VAE

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""What is kept of each parameter: first and second moment, and the number of steps taken."""


class Adam:
    """``torch.optim.Adam(fused=True)``, bit for bit, for the parameters of one model.

    It calls the same kernel by torch's functional interface. The class of torch imports the compiler, which takes two
    seconds of every start; it hides that the kernel can be told on the device to leave a step out; and it numbers the
    parameters where a checkpoint is to name them.
    """

    def __init__(self, vae: VAE) -> None:
        self._parameters = {name: parameter for name, parameter in vae.named_parameters() if parameter.requires_grad}
        self._first = [torch.zeros_like(parameter) for parameter in self._parameters.values()]
        self._second = [torch.zeros_like(parameter) for parameter in self._parameters.values()]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self._parameters.values()]

    @torch.no_grad()
    def step(self, lr: float, leave_out: Tensor) -> None:
        """Move every parameter along its gradient, which is then let go.

        Args:
            lr: The learning rate.
            leave_out: A scalar on the device: 0, or 1 to change nothing.
        """
        parameters = list(self._parameters.values())
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        adam(
            list(parameters),
            gradients,
            self._first,
            self._second,
            [],
            self._steps,
            fused=True,
            found_inf=leave_out,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=lr,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        for parameter in parameters:
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, named ``PARAMETER.MOMENT``: the tensors themselves, which later steps change."""
        moments = zip(self._parameters, self._first, self._second, self._steps, strict=True)
        return {f"{name}.{moment}": t for name, *state in moments for moment, t in zip(MOMENTS, state, strict=True)}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
