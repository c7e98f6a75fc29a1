"""The optimiser against that of torch, and its state."""

from __future__ import annotations

import pytest
import torch

from tui_vae.config import ModelSpec
from tui_vae.data.generators import generator
from tui_vae.model import VAE
from tui_vae.training.fused.adam import Adam
from tui_vae.training.fused.flat_parameters import FlatParameters
from tui_vae.training.step import MOMENTS

GO_ON, SKIP = torch.zeros(()), torch.ones(())


def rate(lr: float) -> torch.Tensor:
    return torch.tensor(lr, dtype=torch.float64)


def model() -> VAE:
    return VAE.from_spec(ModelSpec("any", (30, 20)), 5, "learned", generator(0, "weights"))


def write_gradients(parameters: FlatParameters, step: int) -> None:
    drawn = generator(step, "test gradients")
    for view in parameters.views(parameters.gradients).values():
        view.normal_(generator=drawn)


def test_it_moves_as_that_of_torch() -> None:
    vae, reference = model(), model()
    parameters = FlatParameters(vae)
    mine = Adam(parameters)
    others = torch.optim.Adam(reference.parameters(), fused=True)
    for step in range(20):
        lr = 1e-3 * (step + 1)
        write_gradients(parameters, step)
        for name, parameter in reference.named_parameters():
            parameter.grad = parameters.views(parameters.gradients)[name].clone()
        mine.step(rate(lr), GO_ON)
        others.param_groups[0]["lr"] = lr
        others.step()
    for name, parameter in reference.named_parameters():
        torch.testing.assert_close(vae.get_parameter(name), parameter, rtol=1e-5, atol=1e-6)
        state = others.state[parameter]
        for moment in MOMENTS:
            torch.testing.assert_close(mine.state()[f"{name}.{moment}"], state[moment], rtol=1e-5, atol=1e-7)


def test_a_skipped_step_changes_nothing() -> None:
    vae = model()
    parameters = FlatParameters(vae)
    adam = Adam(parameters)
    write_gradients(parameters, 0)
    adam.step(rate(1e-2), GO_ON)
    before = {name: tensor.clone() for name, tensor in (vae.state_dict() | adam.state()).items()}
    parameters.gradients.fill_(float("nan"))
    adam.step(rate(1e-2), SKIP)
    after = vae.state_dict() | adam.state()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_it_goes_on_from_its_state() -> None:
    vaes = [model(), model()]
    parameters = [FlatParameters(vae) for vae in vaes]
    adams = [Adam(of) for of in parameters]
    for step in range(6):
        if step == 3:
            state = {name: tensor.clone() for name, tensor in adams[0].state().items()}
            assert {name.rpartition(".")[0] for name in state} == {name for name, _ in vaes[0].named_parameters()}
            vaes[1].load_state_dict(vaes[0].state_dict())
            adams[1].load(state)
        for of, adam in zip(parameters, adams, strict=True):
            write_gradients(of, step)
            if adam is adams[0] or step >= 3:
                adam.step(rate(1e-2), GO_ON)
    assert torch.equal(parameters[0].values, parameters[1].values)
    assert float(adams[1].state()["decoder.log_sigma.step"]) == pytest.approx(6)
