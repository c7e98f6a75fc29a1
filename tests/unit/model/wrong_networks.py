"""Files of networks that cannot be trained, each with what the one line about it must say."""

from __future__ import annotations

GOOD = """
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.layer = nn.Linear(784, 2 * zdim)

    def forward(self, x):
        mu, log_sigma = self.layer(x).chunk(2, dim=1)
        return mu, log_sigma.exp()

class Decoder(nn.Module):
    def __init__(self, zdim):
        super().__init__()
        self.layer = nn.Linear(zdim, 784)

    def forward(self, z):
        return self.layer(z)
"""

_RETURN = "        return mu, log_sigma.exp()"
_MEAN = "        return self.layer(z)"
_MADE = "        self.layer = nn.Linear(zdim, 784)"


def _changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def _encoder(returned: str) -> str:
    return _changed(_RETURN, f"        {returned}")


def _decoder(returned: str) -> str:
    return _changed(_MEAN, f"        {returned}")


def _layer(made: str) -> str:
    return _changed(_MADE, f"        {made}")


_NO_ZDIM = GOOD.replace("(self, zdim)", "(self)").replace("zdim", "4")
_NO_MODULE = f"{GOOD}\nclass Decoder:\n    def __init__(self, zdim):\n        pass\n"
_NO_PARAMETERS = _layer("self.zdim = zdim").replace(_MEAN, "        return z.repeat(1, 196)")

WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "not Python": ("def f(:\n", ("nets.py:1", "SyntaxError")),
    "an exception when it is executed": (f"{GOOD}\n1 / 0\n", ("nets.py:22", "ZeroDivisionError")),
    "the end of the program": (f"{GOOD}\nraise SystemExit(3)\n", ("nets.py:22", "ends the program")),
    "a library that is not there": ("import no_such_library\n", ("nets.py:1", "no_such_library", "install it")),
    "no class Decoder": (_changed("class Decoder", "class Dec"), ("no class Decoder", "Encoder, Dec", "nets.py:ENC")),
    "no class but a value": (f"{GOOD}\nDecoder = 3\n", ("Decoder is not a class",)),
    "a class that takes no zdim": (_NO_ZDIM, ("Encoder(4)", "TypeError", "def __init__(self, zdim)")),
    "a class that is no module": (_NO_MODULE, ("Decoder(4)", "derive the class from torch.nn.Module")),
    "no parameters": (_NO_PARAMETERS, ("class Decoder", "no parameters")),
    "weights in float64": (_layer("self.layer = nn.Linear(zdim, 784).double()"), ("layer.weight is float64",)),
    "weights without values": (_layer('self.layer = nn.Linear(zdim, 784, device="meta")'), ("layer.weight", "meta")),
    "one output of two": (_encoder("return mu"), ("class Encoder", "a Tensor", "return mu, sigma")),
    "no tensor": (_encoder("return mu.tolist(), log_sigma"), ("mu is a list",)),
    "another shape": (_encoder("return mu.sum(1), log_sigma.exp()"), ("mu is (6,)", "(6, 4)")),
    "images of another size": (_layer("self.layer = nn.Linear(zdim, 9)"), ("the mean is (6, 9)", "(6, 784)")),
    "log sigma": (_encoder("return mu, log_sigma"), ("class Encoder", "it returns log sigma: exponentiate it")),
    "a sigma of 0": (_encoder("return mu, log_sigma.relu() * 0"), ("sigma reaches 0",)),
    "values that are not finite": (_encoder("return mu / 0, log_sigma.exp()"), ("mu has values that are not finite",)),
    "an exception in forward": (
        _decoder("return self.layer(z.view(-1, 1, 28, 28))"),
        ("nets.py:20", "Decoder fails", "(6, 4)", "RuntimeError"),
    ),
    "an exception in evaluation only": (
        _decoder("assert self.training\n        return self.layer(z)"),
        ("nets.py:20", "in evaluation"),
    ),
    "a gradient cut off": (_decoder("return self.layer(z).detach()"), ("class Decoder", "differentiated", ".detach()")),
    "a gradient that does not reach z": (_decoder("return self.layer(z.detach())"), ("class Decoder", "by z")),
    "a gradient that is not finite": (
        _decoder("return self.layer(z) + (self.layer.bias * 0).sqrt()"),
        ("gradients are not finite",),
    ),
    "images that depend on others in evaluation": (
        _encoder("return mu - mu.mean(0), log_sigma.exp()"),
        ("class Encoder", "other images of the batch"),
    ),
    "a tensor that is not moved": (
        _layer('self.layer, self.scale = nn.Linear(zdim, 784), torch.ones(784, device="meta")'),
        ("self.scale stays on meta", "register_buffer"),
    ),
}

WRONG |= {
    "an argument that was not given": (
        GOOD.replace("(self, zdim)", "(self, zdim, width)"),
        ("Encoder(4)", "missing 1 required", "NAME=FILE.py(width=64)"),
    ),
    "a relative import": ("from .helper import Encoder\n", ("nets.py:1", "without the dot")),
    "a sigma that is not a number": (
        _encoder("return mu, log_sigma * float('nan')"),
        ("sigma has values that are not",),
    ),
}
