"""Adam (arXiv:1412.6980) in one pass over memory, with its state in plain view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from tui_vae.training.flat_parameters import FlatParameters
from tui_vae.training.jit_trace import scripted

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""What is kept of each parameter: first and second moment, and the number of steps taken."""


def rate_type(device: torch.device) -> torch.dtype:
    """In which the kernel reads the learning rate: on the CPU, nothing is lost of a number of Python's."""
    return torch.float64 if device.type == "cpu" else torch.float32


class Adam:
    """``torch.optim.Adam(fused=True)`` for the parameters of one model, all of them as one tensor.

    It calls the same kernel. The class of torch imports the compiler, which takes two seconds of every start; it hides
    that the kernel can be told on the device to leave a step out; it numbers the parameters where a checkpoint is to
    name them; and before the kernel it sorts them in Python, longer than a small model's step can wait.

    Args:
        parameters: Of the model.
        slices: Of their tensor, which together are all of it: several threads can each move one.
    """

    def __init__(self, parameters: FlatParameters, slices: Sequence[slice] = (slice(None),)) -> None:
        self._parameters = parameters
        self._first = torch.zeros_like(parameters.values)
        self._second = torch.zeros_like(parameters.values)
        self._steps = [torch.zeros((), device=parameters.values.device) for _ in slices]
        self._move = scripted(_move) if parameters.values.device.type == "cpu" else _move
        moved = (parameters.values, parameters.gradients, self._first, self._second)
        self._of = [(*(tensor[of] for tensor in moved), steps) for of, steps in zip(slices, self._steps, strict=True)]

    @torch.no_grad()
    def step(self, lr: Tensor, leave_out: Tensor, index: int = 0) -> None:
        """Move the parameters of a slice along their gradients.

        Args:
            lr: The learning rate, a scalar on the device, of its :func:`rate_type`.
            leave_out: A scalar on the device: 0, or 1 to change nothing.
            index: Of the slice.
        """
        values, gradients, first, second, steps = self._of[index]
        steps.add_(1)
        self._move(values, gradients, first, second, steps, lr, leave_out)
        # Its kernel leaves this out, by which it is seen what has been written.
        increment_version((values, first, second))
        steps.sub_(leave_out)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, named ``PARAMETER.MOMENT``: the tensors themselves, which later steps change."""
        first, second = self._parameters.views(self._first), self._parameters.views(self._second)
        moments = {name: (first[name], second[name], self._steps[0]) for name in first}
        return {f"{name}.{moment}": t for name, of in moments.items() for moment, t in zip(MOMENTS, of, strict=True)}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what :meth:`state` gave: every parameter has taken the same number of steps."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        for steps in self._steps[1:]:
            steps.copy_(self._steps[0])


def _move(
    values: Tensor, gradients: Tensor, first: Tensor, second: Tensor, steps: Tensor, lr: Tensor, leave_out: Tensor
) -> Tensor:
    """Call the kernel; returns ``values``."""
    # By their lists: TorchScript takes a call of which nothing is used for one that nobody needs.
    moved, firsts, seconds = [values], [first], [second]
    torch._fused_adam_(
        moved,
        [gradients],
        firsts,
        seconds,
        [],
        [steps],
        amsgrad=False,
        lr=lr,
        beta1=0.9,
        beta2=0.999,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
        found_inf=leave_out,
    )
    return moved[0]
