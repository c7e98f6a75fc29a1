"""Checksums: a file or line that is not byte for byte what was written is refused.

A JSON file carries the SHA-256 of the rest of its object as its last member. A line of the log carries the Adler-32 of
the bytes before it, as each record of TensorFlow's event files carries a CRC; lines of earlier versions carry none, and
are accepted as they are.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tui_vae.errors import RunStoreError

_SHA256 = "sha256"
_ADLER32 = b',"adler32":"'
_SEAL = len(_ADLER32) + 8 + 2
"""Bytes of the checksum at the end of a line: name, eight hexadecimal digits, a quotation mark and a brace."""

_NAME, _END = (np.frombuffer(text, np.uint8) for text in (_ADLER32, b'"}\n'))
_MODULUS = 65521


def digest(content: bytes) -> str:
    """The SHA-256 of ``content`` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sealed(record: Mapping[str, Any], indent: int | None = None) -> bytes:
    """Encode ``record`` as a JSON file with its checksum; :func:`unsealed` is the inverse."""
    return _dumped(dict(record) | {_SHA256: _digest_of(record)}, indent)


def unsealed(content: bytes, name: str, indent: int | None = None, *, required: bool = True) -> dict[str, Any]:
    """Decode the content of a file that :func:`sealed` made.

    Args:
        content: The content.
        name: The file's name in the error.
        indent: That of :func:`sealed`.
        required: Whether an object without a checksum is refused.

    Raises:
        RunStoreError: A byte is not what was written.
    """
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunStoreError(f"{name} is not what was written") from error
    if isinstance(record, dict) and not required and _SHA256 not in record:
        return record
    # The digest is of the values, which other bytes can spell, too: none of those may pass.
    if not isinstance(record, dict) or _dumped(record, indent) != content:
        raise RunStoreError(f"{name} is not what was written")
    if record.pop(_SHA256, None) != _digest_of(record):
        raise RunStoreError(f"{name} is not what was written")
    return record


def sealed_line(line: bytes) -> bytes:
    """Add the checksum to a JSON object on a line, without a line end."""
    body = line[:-1]
    return body + _seal_of(body)


def line_is_intact(line: bytes) -> bool:
    """Whether the checksum of a line, without its line end, is right or absent."""
    body, seal = line[:-_SEAL], line[-_SEAL:]
    return not seal.startswith(_ADLER32) or seal == _seal_of(body)


def lines_are_intact(block: bytes, ends: npt.NDArray[np.intp]) -> bool:
    """Whether :func:`line_is_intact` holds for every line of ``block``, in a quarter of the time.

    The checksum of the block follows from those of its lines, since an Adler-32 consists of two sums over the bytes
    (RFC 1950, section 9): it is computed once, in C, and compared. Where only some lines carry one, the result is
    False.

    Args:
        block: Lines, each with its line end.
        ends: The positions of the line ends.
    """
    stops = ends - _SEAL
    if len(ends) == 0 or stops[0] < 0:  # the first line is shorter than a checksum
        return False
    characters = np.frombuffer(block, np.uint8)
    seals = characters[stops[:, None] + np.arange(_SEAL + 1)]
    carries = (seals[:, : len(_NAME)] == _NAME).all(axis=1)
    if not carries.all():
        return not carries.any()
    if (seals[:, -len(_END) :] != _END).any():
        return False
    digits = seals[:, len(_ADLER32) : _SEAL - 2].tobytes()
    try:
        written = bytes.fromhex(digits.decode())
    except ValueError:
        return False
    if written.hex().encode() != digits:  # capitals and spaces, which decode to the same
        return False
    sums = np.frombuffer(written, ">u2").reshape(-1, 2).astype(np.int64)
    lengths = stops - np.concatenate(([0], ends[:-1] + 1))
    # For each body, and for each checksum with its line end: the sum of its bytes, and their sum weighted by the number
    # of bytes from there to the end of the piece. Each byte after the piece adds the plain sum once more.
    plain = np.stack((sums[:, 1] - 1, seals.sum(axis=1)))
    weighted = np.stack((sums[:, 0] - lengths, seals @ np.arange(_SEAL + 1, 0, -1)))
    behind = len(block) - np.stack((stops, ends + 1))
    low = (1 + int(plain.sum())) % _MODULUS
    high = (len(block) + int((weighted + plain * behind).sum())) % _MODULUS
    return zlib.adler32(block) == high << 16 | low


def _seal_of(body: bytes) -> bytes:
    return b'%b%08x"}' % (_ADLER32, zlib.adler32(body))


def _dumped(record: Mapping[str, Any], indent: int | None) -> bytes:
    return json.dumps(record, indent=indent).encode() + b"\n"


def _digest_of(record: Mapping[str, Any]) -> str:
    return digest(json.dumps(record, sort_keys=True).encode())
