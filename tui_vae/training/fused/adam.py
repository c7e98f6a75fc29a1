"""Adam (arXiv:1412.6980) over flat parameters, in one pass over memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from tui_vae.training.fused.flat_parameters import FlatParameters
from tui_vae.training.fused.torchscript import scripted
from tui_vae.training.step import MOMENTS


class Adam:
    """The kernel of ``torch.optim.Adam(fused=True)`` for all parameters of a model as one tensor.

    The function in ``torch.optim.adam`` calls the same kernel, but sorts the parameters in Python first, which takes
    longer than a small model's step can wait, and cannot be traced.

    Args:
        parameters: The parameters of the model.
        slices: Slices that together are all of their tensor; each may be moved by a thread of its own.
    """

    def __init__(self, parameters: FlatParameters, slices: Sequence[slice] = (slice(None),)) -> None:
        self._parameters = parameters
        self._first = torch.zeros_like(parameters.values)
        self._second = torch.zeros_like(parameters.values)
        self._steps = [torch.zeros((), device=parameters.values.device) for _ in slices]
        self._update = scripted(_update) if parameters.values.device.type == "cpu" else _update
        flat = (parameters.values, parameters.gradients, self._first, self._second)
        self._slices = [
            (*(tensor[part] for tensor in flat), steps) for part, steps in zip(slices, self._steps, strict=True)
        ]

    @torch.no_grad()
    def step(self, lr: Tensor, skip: Tensor, index: int = 0) -> None:
        """Move the parameters of a slice along their gradients.

        Args:
            lr: The learning rate, a scalar of :func:`tui_vae.training.step.rate_dtype` on the device.
            skip: A scalar on the device: 0, or 1 to change nothing.
            index: The slice.
        """
        values, gradients, first, second, steps = self._slices[index]
        steps.add_(1)
        self._update(values, gradients, first, second, steps, lr, skip)
        # The kernel does not count its writes as new versions, by which a trace finds what was written.
        increment_version((values, first, second))
        steps.sub_(skip)

    def state(self) -> dict[str, Tensor]:
        """Return the state named ``PARAMETER.MOMENT``: the tensors that later steps change."""
        first, second = self._parameters.views(self._first), self._parameters.views(self._second)
        moments = {name: (first[name], second[name], self._steps[0]) for name in first}
        return {f"{name}.{key}": t for name, state in moments.items() for key, t in zip(MOMENTS, state, strict=True)}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what :meth:`state` returned: every parameter has taken the same number of steps."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        for steps in self._steps[1:]:
            steps.copy_(self._steps[0])


def _update(
    values: Tensor, gradients: Tensor, first: Tensor, second: Tensor, steps: Tensor, lr: Tensor, skip: Tensor
) -> Tensor:
    """Call the kernel; returns ``values``. TorchScript compiles this: constants are written out here."""
    # Lists with names: TorchScript drops a call if nothing that it is given is used afterwards.
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
        found_inf=skip,
    )
    return moved[0]
