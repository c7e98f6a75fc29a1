"""What the process that draws answers."""

from __future__ import annotations

import pytest

from tui_vae.charts.description import Span
from tui_vae.charts.process import GarbageError, decode, encode_failure, encode_picture


def test_a_picture_is_an_answer_as_it_was_drawn() -> None:
    rows = (
        (Span("⣿a", (1, 2, 3), None), Span("", None, (4, 5, 6))),
        (),
        (Span('"\x1b\n', (4, 5, 6), (1, 2, 3)), Span("b", 7, 0)),
    )
    assert decode(encode_picture(rows, 0.5)) == (rows, 0.5)
    assert decode(encode_failure(None)) is None
    assert decode(encode_failure("no luck")) == "no luck"


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"",
            b"\xff",
            b"[]",
            b"3",
            b"null",
            b"{}",
            b'{"rows": [], "colours": [[1, 2]], "seconds": 0}',
            b"[" * 100_000,
        ),
        *(b'{"colours": [], "rows": [["a", 0, 0]], "seconds": 0}', b'{"colours": [null], "rows": [], "seconds": "x"}'),
    ],
    ids=lambda answer: answer[:40].decode(errors="replace"),
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(GarbageError):
        decode(answer)
