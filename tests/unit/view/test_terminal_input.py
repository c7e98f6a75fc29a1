"""What a terminal sends, divided into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_vae.view.terminal_input import MOST_LOOKS, TerminalInput

STREAM = (
    b"a\x1b[MC\xa00b\x1b[A\xe9x\x1b[<35;10;5Mc\x1b]11;rgb:0/0/0\x1b\\d\x1bP>|kitty\x1b\\e\x1b[?62;4cf\x1b[[A\x1b[3$g"
    b"\x1bOP\x1b[200~hi \x1b[31mthere\x1b[201~z\xc3\xa4\x1b[MC\x1b[B\x1b\x1b[Aq\x1b"
)
UNDERSTOOD = (
    "ab\x1b[Ax\x1b[<35;10;5Mcde\x1b[?62;4cf\x1b[[A\x1b[3$g\x1bOP\x1b[200~hi there\x1b[201~zä\x1b[B\x1b\x1b[Aq\x1b"
)


def test_the_pieces_are_the_same_however_the_stream_is_cut() -> None:
    for size in range(1, len(STREAM) + 1):
        received = TerminalInput()
        pieces = [p for at in range(0, len(STREAM), size) for p in received.feed(STREAM[at : at + size])]
        assert "".join(pieces + received.wait()) == UNDERSTOOD


SENT = st.lists(
    st.one_of(
        st.binary(max_size=8), st.sampled_from([b"\x1b", b"\x1b[", b"\x1b[M", b"\x1b]1", b"\x1b[200~", b"\x1b\\"])
    )
)


@given(SENT)
def test_whatever_comes_nothing_fails_and_keys_work_again_after_a_while(sent: list[bytes]) -> None:
    received = TerminalInput()
    for data in sent:
        received.feed(data)
    for _ in range(MOST_LOOKS):
        received.wait()
    assert received.feed(b"x\x1b[A") == ["x", "\x1b[A"]


@given(st.text(st.characters(exclude_characters="\x1b", exclude_categories=["Cs"])), st.integers(1, 9))
def test_text_is_given_as_it_is(text: str, size: int) -> None:
    received, data = TerminalInput(), text.encode()
    assert "".join(p for at in range(0, len(data), size) for p in received.feed(data[at : at + size])) == text
