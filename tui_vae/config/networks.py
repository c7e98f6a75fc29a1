"""Networks of the user's own: where their classes are, and what was found out about them."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
from dataclasses import dataclass
from typing import Any

from tui_vae.config.options import path_of, shown
from tui_vae.errors import UsageError

FILE_ENDING = ".py"

_FORM = re.compile(r"(?P<source>[^()]+?)(?::(?P<classes>[^:()/\\]*))?(?:\((?P<arguments>.*)\))?", re.DOTALL)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class NetworkFacts:
    """What the check of two networks measured, for the same ``zdim``.

    Attributes:
        parameters: Trainable scalars of both, each counted once.
        work: Multiplications of matrix products and convolutions for one image, forward through both.
        activations: Numbers that autograd keeps for one image between the passes of a step.
        linear: Whether mu(x) and the decoder are affine, so that the exact limit of the linear model holds for them.
    """

    parameters: int
    work: int
    activations: int
    linear: bool


@dataclass(frozen=True)
class Network:
    """An encoder and a decoder of the user's own: two classes of a file or an importable module.

    Attributes:
        source: Path of a file that ends in ``.py``, or the name of a module; ``<NAME>`` where a script made those of
            the model NAME, for the networks of two models may be of one class.
        encoder: Class whose instances map images ``(batch, 784)`` to ``(mu, sigma)``, each ``(batch, zdim)``.
        decoder: Class whose instances map latents ``(batch, zdim)`` to the mean, ``(batch, 784)``.
        arguments: Keyword arguments of both classes after ``zdim``, as typed: ``width=64, depth=3``.
        sha256: Of the source, once it was loaded.
        facts: What the check measured, once it was loaded.
    """

    source: str
    encoder: str = "Encoder"
    decoder: str = "Decoder"
    arguments: str = ""
    sha256: str | None = None
    facts: NetworkFacts | None = None

    @classmethod
    def by_script(cls, model: str, encoder: str, decoder: str) -> Network:
        """The networks of a model that a script gave as Python objects; the names are for people."""
        return cls(f"<{model}>", encoder, decoder)

    @property
    def is_by_script(self) -> bool:
        return self.source.startswith("<")

    @property
    def is_file(self) -> bool:
        return self.source.endswith(FILE_ENDING)

    @property
    def keywords(self) -> dict[str, Any]:
        """The keyword arguments as values.

        Raises:
            UsageError: They are not of the form ``NAME=VALUE, …`` with literal values.
        """
        try:
            call = ast.parse(f"f({self.arguments})", mode="eval").body
            assert isinstance(call, ast.Call)
            if call.args or any(keyword.arg is None for keyword in call.keywords):
                raise ValueError
            return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        except (SyntaxError, ValueError, AssertionError, MemoryError, RecursionError):
            raise UsageError(
                "arguments of a network are NAME=VALUE with plain values, such as (width=64); "
                f"got {shown(self.arguments)}"
            ) from None

    @property
    def unresolved(self) -> Network:
        """The same as typed in this folder: what decides whether two are one network."""
        source = os.path.abspath(self.source) if self.is_file else self.source
        return Network(source, self.encoder, self.decoder, self.arguments)

    def resolved(self, sha256: str, facts: NetworkFacts) -> Network:
        """The same, valid in every folder, with what its check found."""
        return dataclasses.replace(self.unresolved, sha256=sha256, facts=facts)

    @classmethod
    def parse(cls, text: str) -> Network | None:
        """Parse ``FILE.py``, ``FILE.py:ENCODER,DECODER`` or the same with a module, and ``(NAME=VALUE, …)`` at the end.

        A word without a dot is a module only if classes are named: it may be widths with a slip.

        Returns:
            ``None`` if the text is of no such form.

        Raises:
            UsageError: It is, but its classes or arguments are not.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            return None
        source, classes, arguments = found["source"].strip(), found["classes"], found["arguments"] or ""
        is_module = _MODULE.fullmatch(source) and ("." in source or classes is not None)
        if not source.endswith(FILE_ENDING) and not is_module:
            return None
        names = ("Encoder", "Decoder") if classes is None else tuple(part.strip() for part in classes.split(","))
        if len(names) != 2 or not all(name.isidentifier() for name in names):
            raise UsageError(
                f"the classes are named as {source}:ENCODER,DECODER, with nothing for Encoder and Decoder; "
                f"got {shown(str(classes))}"
            )
        network = cls(path_of(source), *names, " ".join(arguments.split()))
        network.keywords  # noqa: B018 - refuses what cannot be used
        return network

    @property
    def label(self) -> str:
        """Its classes with the name of their file, without the folder."""
        return str(dataclasses.replace(self, source=os.path.basename(self.source)))

    def __str__(self) -> str:
        classes = "" if (self.encoder, self.decoder) == ("Encoder", "Decoder") else f":{self.encoder},{self.decoder}"
        if self.is_by_script:
            return f"{self.encoder},{self.decoder} of a script"
        return f"{self.source}{classes}" + (f"({self.arguments})" if self.arguments else "")
