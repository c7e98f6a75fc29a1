"""Check networks of the user's own before anything is made of them: what they return, and whether they can be trained.

Each fault is one line that names the file, the class, and what to do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from tui_vae.config import PIXELS, NetworkFacts
from tui_vae.data.generators import generator
from tui_vae.errors import one_line, system_failure
from tui_vae.model.affine import stays_affine
from tui_vae.model.own_networks import CheckedNetwork, Remark, networks_of
from tui_vae.model.private_randomness import PrivateRandomness, generator_states, seeded
from tui_vae.model.source_code import NetworkClasses, NetworkError, PrintedToStderr

_IMAGES = 6
_CLOSE = 1e-3
"""Relative difference that rounding may make between the same rows in batches of other contents."""


def check_networks(
    classes: NetworkClasses, zdim: int, device: torch.device, *, dtype: torch.dtype = torch.float32
) -> CheckedNetwork:
    """Make the networks once, call them with a few images, and measure what a run needs to know about them.

    Args:
        classes: Their classes.
        zdim: The latent dimension.
        device: On which they will be trained.
        dtype: To which factors of matrix products will be rounded.

    Raises:
        NetworkError: They cannot be trained as encoder and decoder.
    """
    encoder, decoder = networks_of(classes, zdim, seed=0)
    check = _Check(classes, encoder, decoder, zdim, device)
    remarks = list(check.weights())
    with seeded(0), contextlib.redirect_stdout(PrintedToStderr()):
        check.outputs()
        check.gradients(dtype)
        remarks += check.rows_and_randomness()
        least = check.least_batch()
        facts = check.facts()
    return CheckedNetwork(classes, facts, check.draws, tuple(remarks), least)


@dataclass
class _Part:
    """One of the two networks, and how it is called in messages."""

    name: str
    net: nn.Module
    given: str


class _Check:
    """The checks, which build on each other: call them in the order in which they stand here."""

    def __init__(
        self, classes: NetworkClasses, encoder: nn.Module, decoder: nn.Module, zdim: int, device: torch.device
    ) -> None:
        self._classes, self._zdim, self._device = classes, zdim, device
        network = classes.network
        self._encoder = _Part(network.encoder, encoder, f"images ({_IMAGES}, {PIXELS})")
        self._decoder = _Part(network.decoder, decoder, f"latents ({_IMAGES}, {zdim})")
        random = generator(0, "check of networks")
        self._x = torch.rand(_IMAGES, PIXELS, generator=random)
        self._noise = torch.randn(_IMAGES, zdim, generator=random)
        self.draws = False

    def weights(self) -> Iterator[Remark]:
        """Check parameters, buffers and devices, and move the networks to theirs; yields remarks."""
        again = networks_of(self._classes, self._zdim, seed=0)
        for part, other in zip((self._encoder, self._decoder), again, strict=True):
            self._check_tensors(part)
            pairs = zip(part.net.parameters(), other.parameters(), strict=False)
            if not all(torch.equal(a, b) for a, b in pairs):
                yield Remark(
                    "warning",
                    f"{part.name} has other initial weights each time, whatever the seed: it draws them from elsewhere "
                    "than torch, so that this run cannot be repeated exactly",
                )
            try:
                part.net.to(self._device)
            except (RuntimeError, NotImplementedError) as error:
                raise self._fault(part, f"it cannot be moved to {self._device} ({one_line(error)[:150]})") from error
            self._check_plain_tensors(part)
        self._x, self._noise = self._x.to(self._device), self._noise.to(self._device)

    def outputs(self) -> None:
        """Check the shapes and values that both networks return, in training and in evaluation."""
        for training in (True, False):
            mu, sigma = self._encoded(self._x, training=training)
            self._decoded(torch.addcmul(mu.float(), sigma.float(), self._noise), training=training)

    def gradients(self, dtype: torch.dtype) -> None:
        """Check that the loss can be differentiated, also with products in ``dtype``."""
        with torch.enable_grad(), self._rounded(dtype):
            mu, sigma = self._encoded(self._x, training=True)
            z = torch.addcmul(mu.float(), sigma.float(), self._noise)
            latents = z.detach().requires_grad_()
            mean = self._decoded(latents, training=True)
            decoded = self._decoded(z, training=True)
            # Of every output something: a network that is constant in one of them is a network nevertheless.
            total = (decoded.float() - self._x).square().sum() + mu.float().square().sum() + sigma.float().log().sum()
        detached = "it works on values without gradients, such as after .detach(), .data, .numpy() or torch.no_grad()"
        for part, output in ((self._encoder, mu), (self._decoder, mean)):
            if not output.requires_grad:
                raise self._fault(part, f"what it returns cannot be differentiated: {detached}")
        (by_latents,) = self._differentiated(mean.float().sum(), [latents])
        if by_latents is None:
            raise self._fault(self._decoder, f"the mean cannot be differentiated by z: {detached}")
        for part in (self._encoder, self._decoder):
            trained = [p for p in part.net.parameters() if p.requires_grad]
            found = [gradient for gradient in self._differentiated(total, trained) if gradient is not None]
            if not found:
                raise self._fault(part, f"no parameter has a gradient: {detached}")
            if not all(bool(gradient.isfinite().all()) for gradient in found):
                raise self._fault(part, "gradients are not finite: look for a root, a logarithm or a division at 0")

    def rows_and_randomness(self) -> Iterator[Remark]:
        """Find what outputs depend on but weights and the image; yields remarks."""
        others = self._x.flip(0).clone()
        others[0] = self._x[0]
        coupled = elsewhere = in_evaluation = False
        for part, call in self._calls():
            for training in (True, False):
                first, drew = self._called(call, self._x, training=training)
                second, _ = self._called(call, self._x, training=training)
                third, _ = self._called(call, others, training=training)
                self.draws = self.draws or drew
                in_evaluation = in_evaluation or (drew and not training)
                elsewhere = elsewhere or not _close(first, second)
                if _close(first, second) and not _close(first[:1], third[:1]):
                    if not training:
                        raise self._fault(
                            part,
                            "in evaluation its output for an image depends on the other images of the batch; normalise "
                            "by running statistics there, as torch.nn.BatchNorm1d does by default",
                        )
                    coupled = True
        if coupled:
            text = "in training, outputs depend on the other images of the batch, as with batch normalisation"
            yield Remark("info", text)
        if in_evaluation:
            text = "the networks draw random numbers in evaluation too: what is measured includes that noise"
            yield Remark("warning", text)
        if elsewhere:
            yield Remark(
                "warning",
                "the networks give other outputs for the same images: they draw random numbers from elsewhere than "
                "torch or keep a state of their own, so that a resumed run has other bits",
            )

    def least_batch(self) -> int:
        """Return 1, or 2 if training needs more than one image, as batch normalisation does."""
        for part, value in ((self._encoder, self._x), (self._decoder, self._noise)):
            self._call(replace(part, given=f"a single row of {part.given}"), value[:1], training=False)
            part.net.train()
            try:
                part.net(value[:1])
            except Exception:  # whatever it is: it works with more
                return 2
        return 1

    def facts(self) -> NetworkFacts:
        """Measure size and work."""
        from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - half a second, only for own networks

        self._train(training=True)
        parameters = {id(p): p for part in (self._encoder, self._decoder) for p in part.net.parameters()}
        trained = sum(p.numel() for p in parameters.values() if p.requires_grad)
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if id(tensor) not in parameters and not tensor._is_view():
                kept[tensor.data_ptr()] = tensor.numel()
            return tensor

        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with torch.enable_grad(), hooks, FlopCounterMode(display=False) as counter:
            mu, sigma = self._encoder.net(self._x)
            self._decoder.net(torch.addcmul(mu.float(), sigma.float(), self._noise))
        self._train(training=False)
        linear = all(
            stays_affine(part.net, call, inputs)
            for part, call, inputs in (
                (self._encoder, lambda net, x: net(x)[0], PIXELS),
                (self._decoder, lambda net, z: net(z).flatten(1), self._zdim),
            )
        )
        outputs = 2 * PIXELS + 4 * self._zdim  # of the objective
        return NetworkFacts(
            parameters=trained,
            work=max(trained, counter.get_total_flops() // (2 * _IMAGES)),
            activations=outputs + sum(kept.values()) // _IMAGES,
            linear=linear and not self.draws,
        )

    def _check_tensors(self, part: _Part) -> None:
        state = part.net.state_dict()
        odd = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
        if odd is not None:
            raise self._fault(part, f"its state has {odd}, which is no tensor and cannot be saved")
        if not any(p.requires_grad for p in part.net.parameters()):
            raise self._fault(part, "it has no parameters to train; assign layers to self in __init__")
        for name, p in part.net.named_parameters():
            if isinstance(p, UninitializedParameter):
                raise self._fault(part, f"{name} is of a lazy layer that a call with {part.given} does not reach")
            if p.is_meta:
                raise self._fault(part, f"{name} is on the device meta, where it has no values")
            if p.dtype != torch.float32:
                kind = str(p.dtype).removeprefix("torch.")
                raise self._fault(part, f"{name} is {kind}: weights are trained in float32; leave out the dtype")

    def _check_plain_tensors(self, part: _Part) -> None:
        """Find tensors that ``to`` does not move."""
        for path, module in part.net.named_modules():
            for key, value in vars(module).items():
                if isinstance(value, Tensor) and value.device.type != self._device.type:
                    name = f"{path}.{key}".lstrip(".")
                    raise self._fault(
                        part,
                        f"self.{name} stays on {value.device} while the weights are on {self._device}; "
                        f'keep it by self.register_buffer("{key}", …)',
                    )

    def _encoded(self, x: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        part, zdim = self._encoder, self._zdim
        result = self._call(part, x, training=training)
        if not isinstance(result, tuple | list) or len(result) != 2:
            what = f"{len(result)} values" if isinstance(result, tuple | list) else f"a {type(result).__name__}"
            raise self._fault(part, f"it returns {what}: return mu, sigma")
        mu, sigma = result
        for name, value in (("mu", mu), ("sigma", sigma)):
            if not isinstance(value, Tensor):
                raise self._fault(part, f"{name} is a {type(value).__name__}, no tensor")
            if value.shape != (_IMAGES, zdim):
                given = f"{name} is {tuple(value.shape)} for {part.given}"
                raise self._fault(part, f"{given}: it must be ({_IMAGES}, {zdim}), a row for each image")
        self._check_finite(part, "mu", mu)
        self._check_finite(part, "sigma", sigma)
        if bool((sigma <= 0).any()):
            raise self._fault(part, self._about_sigma(sigma))
        return mu, sigma

    def _about_sigma(self, sigma: Tensor) -> str:
        least = float(sigma.detach().min())
        if least < 0:
            return f"sigma has values below 0, such as {least:.3g}: it returns log sigma: exponentiate it"
        return "sigma reaches 0: add a small number to it, or return the exponential of log sigma"

    def _decoded(self, z: Tensor, *, training: bool) -> Tensor:
        part = self._decoder
        result = self._call(part, z, training=training)
        if not isinstance(result, Tensor):
            what = f"a {type(result).__name__}" if not isinstance(result, tuple | list) else f"{len(result)} values"
            raise self._fault(part, f"it returns {what}: return the mean, one tensor")
        if result.dim() < 2 or result.shape[0] != _IMAGES or result.numel() != _IMAGES * PIXELS:
            given = f"the mean is {tuple(result.shape)} for {part.given}"
            raise self._fault(part, f"{given}: it must be ({_IMAGES}, {PIXELS}), or images of as many values")
        self._check_finite(part, "the mean", result)
        return result.flatten(1)

    def _check_finite(self, part: _Part, name: str, value: Tensor) -> None:
        if not bool(value.isfinite().all()):
            raise self._fault(part, f"{name} has values that are not finite with its initial weights")

    def _call(self, part: _Part, value: Tensor, *, training: bool) -> object:
        part.net.train(training)
        try:
            return part.net(value)
        except Exception as error:
            if (failure := system_failure(error)) is not None and not isinstance(error, ImportError):
                raise self._fault(part, f"{failure}, given {part.given}") from error
            where = self._classes.files.place_of(error)
            text = f"{type(error).__name__}: {one_line(error)[:200]}"
            mode = "" if training else " in evaluation"
            given = f"given {part.given} (batches have any number of rows)"
            raise NetworkError(f"{where}: {part.name} fails{mode}, {given}: {text}") from error

    def _calls(self) -> list[tuple[_Part, Callable[[Tensor, bool], Tensor]]]:
        def encode(x: Tensor, training: bool) -> Tensor:
            return torch.cat(self._encoded(x, training=training), 1)

        def decode(x: Tensor, training: bool) -> Tensor:
            # Latents that are functions of the images, so that rows can be exchanged as those of images are.
            z = x.repeat(1, -(-self._zdim // PIXELS))[:, : self._zdim] * 2 - 1
            return self._decoded(z, training=training)

        return [(self._encoder, encode), (self._decoder, decode)]

    @torch.no_grad()
    def _called(self, call: Callable[[Tensor, bool], Tensor], x: Tensor, *, training: bool) -> tuple[Tensor, bool]:
        """The output with the same random numbers each time, and whether some were drawn."""
        with PrivateRandomness(0).drawing(self._device, training=False):
            before = generator_states(self._device)
            output = call(x, training)
            after = generator_states(self._device)
        return output.float(), any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))

    def _differentiated(self, value: Tensor, inputs: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        try:
            return torch.autograd.grad(value, inputs, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            place = self._classes.files.place_of(error)
            raise NetworkError(f"{place}: the loss cannot be differentiated ({one_line(error)[:200]})") from error

    def _rounded(self, dtype: torch.dtype) -> contextlib.AbstractContextManager[object]:
        if dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, dtype=dtype)

    def _train(self, *, training: bool) -> None:
        for part in (self._encoder, self._decoder):
            part.net.train(training)

    def _fault(self, part: _Part, text: str) -> NetworkError:
        return NetworkError(f"{self._classes.files.main}, class {part.name}: {text}")


def _close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= _CLOSE * (one.abs().max() + 1e-12))
