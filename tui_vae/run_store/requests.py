"""Requests to the writer of a run: small files in ``control/``, which it handles once and removes.

A request is addressed to one writer by the token of its lease, so that one to a writer that died cannot stop the
process that resumed its run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from tui_vae.errors import RunStoreError
from tui_vae.events import Action, Event, Notice, Request
from tui_vae.run_store.directory import RunDirectory
from tui_vae.run_store.files import MODE, open_directory, read_small
from tui_vae.run_store.heartbeat import read_lease, this_machine

MOST_BYTES = 4096
MOST_AT_ONCE = 128
"""Files handled at a time; a directory with a million of them must not hold up the writer."""

_MOST_IGNORED = 1000
_MOST_LISTED = MOST_AT_ONCE + 2 * _MOST_IGNORED


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a request file.

    Attributes:
        to: The token of the lease of the writer that is asked.
        model: Which model is meant; ``None`` for all.
        by: Host and process that asks.
        value: The number of epochs to add, or the learning rate; ``None`` for all other actions.
    """

    v: Literal[1] = 1
    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-z-]{1,64}\Z")]
    to: str
    action: Action
    model: Annotated[str, msgspec.Meta(max_length=300)] | None
    by: Annotated[str, msgspec.Meta(max_length=300)]
    value: float | None = None


Handle = Callable[[Message], str | None]
"""Handles a request; returns why it was refused, or ``None``."""


def send_request(run: RunDirectory, action: Action, model: str | None, value: float | None = None) -> str:
    """Send a request to the writer of a run, which logs a :class:`tui_vae.events.Request` of the same id as the answer.

    Args:
        run: The run.
        action: What to do.
        model: Which model is meant; ``None`` for all.
        value: The number of epochs to add, or the learning rate.

    Raises:
        RunStoreError: Nobody writes the run, or the request cannot be written.
    """
    writer = read_lease(run)
    if writer is None:
        raise RunStoreError(f"{run.name} is not being trained by any process: nobody is there to {action} it")
    # The order of the names is that of the requests.
    id = f"{time.time_ns():019d}-{secrets.token_hex(4)}"
    by = f"{this_machine().host}:{os.getpid()}"
    message = Message(id=id, to=writer.token, action=action, model=model, by=by, value=value)
    try:
        run.control.mkdir(exist_ok=True)
        _write(run, message)
    except OSError as error:
        raise RunStoreError(f"{run.control}: no request can be left there ({error.strerror})") from error
    return message.id


def _write(run: RunDirectory, message: Message) -> None:
    """Write a temporary file and rename it, so that the writer never reads half of it."""
    directory = open_directory(run.control)
    part = f".{message.id}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE, dir_fd=directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(message))
            os.rename(part, f"{message.id}.json", src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.unlink(part, dir_fd=directory)
            raise
    finally:
        os.close(directory)


class Requests:
    """Receives the requests to a writer.

    Args:
        token: Of its lease; requests to another are refused.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._irremovable: set[str] = set()

    def poll(self, run: RunDirectory, handle: Handle, emit: Callable[[Event], None]) -> None:
        """Handle and answer new requests, each once.

        Other files are removed, with a notice. Raises nothing but what ``handle`` and ``emit`` raise.
        """
        try:
            directory = open_directory(run.control)
        except OSError:  # usually it does not exist
            return
        try:
            messages, refused = self._take(directory)
        finally:
            os.close(directory)
        for message in sorted(messages, key=lambda message: message.id):
            stale = message.to != self._token
            answer = "it was meant for an earlier process" if stale else handle(message)
            emit(
                Request(
                    id=message.id,
                    action=message.action,
                    model=message.model,
                    by=message.by,
                    refused=answer,
                    value=message.value,
                )
            )
        if refused:
            emit(Notice(level="warning", text=f"refused in {run.control.name}/: {refused} not a request"))

    def _take(self, directory: int) -> tuple[list[Message], int]:
        """Read and remove some of the files; returns the requests and the number of other files."""
        messages: list[Message] = []
        refused = 0
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_LISTED)]
            new = [name for name in names if not name.startswith(".") and name not in self._irremovable]
            for name in sorted(new)[:MOST_AT_ONCE]:
                message = _read(directory, name)
                try:
                    os.unlink(name, dir_fd=directory)
                except OSError:
                    # A request that cannot be removed is not handled, for it would be found again.
                    message = None
                    if len(self._irremovable) >= _MOST_IGNORED:
                        continue
                    self._irremovable.add(name)
                if message is not None:
                    messages.append(message)
                else:
                    refused += 1
        return messages, refused


def _read(directory: int, name: str) -> Message | None:
    try:
        message = msgspec.json.decode(read_small(name, MOST_BYTES, inside=directory), type=Message)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return message if message.by.isprintable() and (message.model or "").isprintable() else None
