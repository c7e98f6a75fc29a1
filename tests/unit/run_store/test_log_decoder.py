"""Decoding many lines at once: the same as one line after the other, whatever stands in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.run_store import logged_events as logged
from tests.unit.run_store.logged_events import log_of, progress, spaced
from tui_vae.run_store.log_decoder import decode_block, decode_lines

ONE, TWO = log_of([progress(1)])[:-1], log_of([progress(2)])[:-1]

separators = st.sampled_from([b"\n"] * 12 + [b"", b" ", b"\n\n", b"\r\n", b" \n ", b",\n", b"\n,"])
broken = st.sampled_from(
    [
        ONE.replace(b",", b",\n", 1),
        ONE.replace(b"{", b"{\n", 1),
        ONE[:-1] + b"\n}",
        ONE.replace(b"deep", b"de\nep"),
        ONE[:-1] + b',"later":"}\n{"}',
        ONE[:-1] + b',"}\n{":0}',
        ONE[:-1] + b',"later":[{"}\n{":"}\n{"}]}',
        ONE[:-1] + b',"later":[{}\n,{}]}',
        b'{"}\n{":0,' + ONE[1:],
        b"\xef\xbb\xbf" + ONE,
    ]
)
values = st.one_of(
    logged.events.map(lambda event: log_of([event])[:-1]), logged.events.map(spaced), logged.not_events, broken
)


@given(st.lists(st.tuples(values, separators), max_size=8))
def test_a_block_is_decoded_as_its_lines_are(parts: list[tuple[bytes, bytes]]) -> None:
    block = b"".join(value + separator for value, separator in parts) + b"\n"
    events, unreadable = decode_block(block)
    events_of_lines, unreadable_lines = decode_lines(block.split(b"\n")[:-1])
    assert repr(events) == repr(events_of_lines)
    assert unreadable == unreadable_lines


@pytest.mark.parametrize(
    "bad",
    [
        ONE + ONE + b"\n" + TWO.replace(b",", b",\n", 1) + b"\n",
        ONE + ONE + b"\n\n",
        ONE + ONE + b"\n" + TWO[:-1] + b',"later":"}\n{"}\n',
        b"\n" + ONE + ONE + b"\n",
    ],
)
def test_as_many_objects_as_lines_are_not_taken_for_an_object_in_each_line(bad: bytes) -> None:
    good = log_of([progress(3)])
    events, unreadable = decode_block(good + bad + good)
    assert events == [progress(3), progress(3)]
    assert unreadable == bad.count(b"\n")


def test_a_block_of_nothing_holds_nothing() -> None:
    assert decode_block(b"") == ([], 0)
