"""Checksums of JSON files and of the lines of a log: no byte may be another one than was written."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store import logged_events as logged
from tests.unit.run_store.logged_events import progress
from tui_vae.errors import RunStoreError
from tui_vae.events import encode
from tui_vae.run_store.checksums import line_is_intact, lines_are_intact, sealed, sealed_line, unsealed
from tui_vae.run_store.log_decoder import decode_block

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(st.text(max_size=5).filter(lambda name: name != "sha256"), values, max_size=4)
lines = logged.events.map(lambda event: sealed_line(encode(event).encode()))


def changed(content: bytes, data: st.DataObject) -> bytes:
    """The same but for one byte."""
    where = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[where]))
    return content[:where] + bytes([other]) + content[where + 1 :]


def ends_of(block: bytes) -> Any:
    return np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))


@given(records, st.sampled_from([None, 2]))
def test_a_record_is_read_as_it_was_written(record: dict[str, Any], indent: int | None) -> None:
    content = sealed(record, indent)
    # NaN is not equal to itself, but its text is.
    assert json.dumps(unsealed(content, "it", indent)) == json.dumps(record)
    assert json.loads(content).keys() == {*record, "sha256"}


@given(records, st.sampled_from([None, 2]), st.data())
def test_no_byte_of_a_record_changes_unnoticed(record: dict[str, Any], indent: int | None, data: st.DataObject) -> None:
    with pytest.raises(RunStoreError, match="it is not what was written"):
        unsealed(changed(sealed(record, indent), data), "it", indent)


@given(records)
def test_a_record_without_a_checksum_is_taken_only_where_none_is_required(record: dict[str, Any]) -> None:
    content = json.dumps(record).encode()
    assert json.dumps(unsealed(content, "it", required=False)) == json.dumps(record)
    with pytest.raises(RunStoreError):
        unsealed(content, "it")


@given(lines)
def test_a_line_carries_the_checksum_of_what_stands_before_it(line: bytes) -> None:
    body, _, seal = line.rpartition(b',"adler32":"')
    assert zlib.adler32(body) == int(seal[:8], 16)
    assert seal[8:] == b'"}'
    assert line_is_intact(line)


@given(st.lists(lines, min_size=1, max_size=6), st.data())
def test_no_byte_of_a_log_changes_unnoticed(parts: list[bytes], data: st.DataObject) -> None:
    block = b"\n".join(parts) + b"\n"
    before = decode_block(block)[0]
    assert len(before) == len(parts)
    assert lines_are_intact(block, ends_of(block))

    damaged = changed(block, data)
    after, unreadable = decode_block(damaged if damaged.endswith(b"\n") else damaged + b"\n")
    # Where only the name of the checksum is damaged, the event is as it was; else its line is one of those that are
    # skipped, or two of them are one.
    kept = iter(map(repr, before))
    assert all(repr(event) in kept for event in after)
    assert len(after) == len(before) or unreadable


@given(st.lists(lines, max_size=6), st.data())
def test_many_lines_are_checked_as_each_is(parts: list[bytes], data: st.DataObject) -> None:
    if parts and data.draw(st.booleans()):
        where = data.draw(st.integers(0, len(parts) - 1))
        parts[where] = changed(parts[where], data).replace(b"\n", b" ")
    block = b"".join(part + b"\n" for part in parts)
    if lines_are_intact(block, ends_of(block)):
        assert all(map(line_is_intact, parts))


def test_the_checksum_of_many_long_lines_does_not_overflow() -> None:
    block = b"".join(sealed_line(b'{"text":"%b"}' % (b"\xff" * 5000)) + b"\n" for _ in range(800))
    assert lines_are_intact(block, ends_of(block))
    assert not lines_are_intact(block.replace(b"\xff", b"\xfe", 1), ends_of(block))


def test_lines_of_before_there_were_checksums_are_read() -> None:
    old, new = encode(progress(1)).encode(), sealed_line(encode(progress(2)).encode())
    for block in (old + b"\n" + new + b"\n", new + b"\n" + old + b"\n"):
        events, unreadable = decode_block(block)
        assert sorted(event.step for event in events) == [1, 2]
        assert unreadable == 0
