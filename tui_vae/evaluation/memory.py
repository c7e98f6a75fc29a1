"""Memory of an evaluation: what it needs, whether the machine has it, and batches that fit."""

from __future__ import annotations

from tui_vae.config import EvaluationConfig, TrainConfig
from tui_vae.errors import UsageError
from tui_vae.resource_limits import memory_of_this_process, tightest_memory_limit

_FLOAT = 4

_OF_SAMPLE = 8192
"""About what a sample takes: its pixels in several forms, its features, and its distances to others."""

_BUFFERS = 192 * 2**20
"""Working memory of the phases for any number of samples, measured with the default settings."""

_READING = 4
"""Memory while a checkpoint with its optimizer moments is read, in multiples of the model's weights."""


def bytes_needed(config: EvaluationConfig, run: TrainConfig) -> int:
    """About what reading and measuring the models of a run takes once the libraries and the data are loaded."""
    weights = [_FLOAT * spec.weights(run.zdim) for spec in run.models]
    return sum(weights) + max(_READING * max(weights), config.samples * _OF_SAMPLE + _BUFFERS)


def check_memory(config: EvaluationConfig, run: TrainConfig) -> None:
    """Refuse an evaluation that does not fit into the memory left.

    Raises:
        UsageError: The message says how many bytes it takes.
    """
    needed, limit = bytes_needed(config, run), tightest_memory_limit()
    if limit is not None and needed > limit.left:
        raise UsageError(
            f"the evaluation with --samples {config.samples:,} needs about {needed:,} bytes of memory; {limit}"
        )


def check_memory_at_the_end(config: EvaluationConfig, run: TrainConfig, kept: int) -> None:
    """Refuse a training whose evaluation will not fit, before it begins.

    It runs in a process of its own, which loads what this process has loaded by now.

    Args:
        config: What is measured.
        run: What is trained.
        kept: Bytes that training keeps until the process ends.

    Raises:
        UsageError: The message says how many bytes it takes.
    """
    limit = tightest_memory_limit()
    needed = memory_of_this_process() + kept + bytes_needed(config, run)
    if limit is not None and needed > limit.left:
        raise UsageError(
            f"the evaluation after training needs about {needed:,} bytes of memory; {limit}: give --no-evaluate, "
            "and evaluate the run where there is more"
        )


MEMORY = 256 * 2**20
"""Default bytes of one batch, without the images, the model and the results."""


def rows_within(memory: int, row_bytes: int, most: int, what: str) -> int:
    """The largest batch that fits into ``memory``, at least one and at most ``most`` rows.

    Args:
        memory: Bytes allowed.
        row_bytes: Bytes of one row.
        most: Batch size beyond which nothing is gained.
        what: Description of a row for the error message.

    Raises:
        UsageError: Not even one row fits.
    """
    if row_bytes > memory:
        raise UsageError(f"{what} takes {row_bytes:,} bytes of memory, more than the {memory:,} allowed")
    return min(most, memory // row_bytes)
