"""The command that makes the weights the package ships: ``python -m tui_vae.evaluation.classifier``.

It trains on the 60,000 training digits of MNIST, writes ``mnist.safetensors`` next to this module, and prints its
SHA-256, the value of ``SHIPPED_SHA256`` in ``cache.py``. The test digits choose nothing: they are looked at once, after
the file is written, for the accuracy that is printed.
"""

from __future__ import annotations

import hashlib

from tui_vae.data.mnist import load_mnist
from tui_vae.evaluation.classifier.cache import shipped_path
from tui_vae.evaluation.classifier.network import extract_features, to_bytes
from tui_vae.evaluation.classifier.training import train_classifier

_EPOCHS = 20
_SEED = 0


def main() -> None:
    train, test = load_mnist()
    classifier = train_classifier(train, epochs=_EPOCHS, seed=_SEED, report=_print_share)
    content = to_bytes(classifier)
    shipped_path().write_bytes(content)
    print(f"\n{shipped_path()}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    right = extract_features(classifier, test.images).probabilities.argmax(1) == test.labels
    print(f"{float(right.double().mean()):.2%} of the {len(test):,} test digits")


def _print_share(share: float) -> None:
    print(f"\r{share:.1%}", end="", flush=True)


if __name__ == "__main__":
    main()
