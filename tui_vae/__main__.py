"""The ``tui-vae`` command. Takes over the signals before anything slow is imported."""

from __future__ import annotations

import sys

from tui_vae.cli.signals import StopSignals


def main() -> None:
    signals = StopSignals()
    signals.install()
    from tui_vae.cli.app import run  # noqa: PLC0415 - a Ctrl-C meanwhile must already find its handler

    sys.exit(run(signals))


if __name__ == "__main__":
    main()
