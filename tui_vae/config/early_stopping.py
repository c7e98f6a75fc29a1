"""When a model that no longer gets better on held-out images is stopped."""

from __future__ import annotations


def ended_early(epoch: int, best_epoch: int | None, patience: int) -> str | None:
    """Why training ends after ``epoch`` epochs before its last; ``None`` while it goes on.

    Args:
        epoch: Epochs complete.
        best_epoch: When the held-out ELBO was greatest; ``None`` before the first epoch is complete.
        patience: Epochs without a rise that are put up with; 0 puts up with any number.
    """
    if best_epoch is None or not patience or epoch - best_epoch < patience:
        return None
    without = epoch - best_epoch
    epochs = "1 epoch" if without == 1 else f"{without} epochs"
    return f"early stopping: best epoch {best_epoch}, {epochs} without a rise"
