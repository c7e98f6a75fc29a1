"""Splits the input of a terminal into text and control sequences, wherever reads cut it.

A reloaded terminal, a slow link or a late answer sends more than keys: mouse reports in another encoding, answers to
earlier questions, bytes that are not UTF-8. None of that may be taken for keys. For the forms
of sequences see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"

MOST_LOOKS = 50
"""Reads without input after which the rest of a sequence is given up."""

_LONGEST = 32
"""Most bytes of a control sequence that a terminal sends."""

_LONGEST_STRING = 4096
"""Most bytes of an answer, such as a colour or a name."""

_TOKEN = re.compile(
    rb"(?P<text>[^\x1b]+)"
    rb"|(?P<mouse>\x1b\[M[ -\xff]{0,3})"  # X10: a button and a place, a byte each
    rb"|(?P<string>\x1b(?:\][0-9]|P[0-9>!]|_G)[^\x07\x1b]*(?P<stop>\x07|\x1b\\)?)"
    rb"|(?P<control>\x1b(?:\[[0-9]+\$(?!y)|(?:\[\[?[0-?]*[ -/]*|O[0-9;]*)(?P<final>[@-~])?))"
    rb"|(?P<key>\x1b[^\x1b]?)"
)
"""The third is an answer. The fourth is a control sequence, also of rxvt's shift, which has no last letter, and of the
Linux console, which begins with two brackets. The last is an escape, or a key with alt."""

_X10_BYTES = 6
_CUT = re.compile(rb"\x1b(?:[\[O][^\x1b]|\][0-9]|P[0-9>!]|_G)")
"""The beginning of a sequence whose first byte or two were already returned as a key."""

_MOST_OF_A_HAND = 1
"""Bytes of a typed key that is not a sequence."""


class TerminalInput:
    """Splits bytes into pieces, each of them text, a control sequence or a key with alt."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("ignore").decode
        self._held = b""
        self._looks = 0
        self._given = b""
        self._pasting = False

    def feed(self, data: bytes) -> list[str]:
        """Return the pieces of new input; an incomplete one is held back until the rest arrives."""
        if self._given and len(data) > _MOST_OF_A_HAND and _CUT.match(self._given + data):
            data = self._given + data
        data, self._held, self._given = self._held + data, b"", b""
        self._looks = 0
        pieces, at = [], 0
        while at < len(data):
            token = _TOKEN.match(data, at)
            assert token is not None  # a byte is either an escape or text
            if self._begun(token, data):
                self._held = data[at:]
                break
            at = token.end()
            if self._understood(token):
                pieces.append(self._decode(token[0]))
        return [piece for piece in pieces if piece]

    def wait(self) -> list[str]:
        """Return a held escape, or key with alt; call this when nothing has arrived for a while."""
        self._looks += 1
        if self._looks >= MOST_LOOKS:
            self._held = self._given = b""
            pasting, self._pasting = self._pasting, False
            return [PASTE_ENDS] if pasting else []
        if self._pasting or self._held[1:] in (b"[", b"O") or len(self._held) not in (1, 2):
            return []
        self._given, self._held = self._held, b""
        return [self._decode(self._given)]

    def _begun(self, token: re.Match[bytes], data: bytes) -> bool:
        """Return whether the rest of a token may still arrive."""
        rest = data[token.end() :]
        match token.lastgroup:
            case "mouse":
                return not rest and len(token[0]) < _X10_BYTES
            case "string":
                return token["stop"] is None and rest in (b"", b"\x1b") and len(token[0]) < _LONGEST_STRING
            case "control":
                return not rest and not _whole(token) and len(token[0]) < _LONGEST
            case "key":
                return not rest and (self._pasting or len(token[0]) == 1 or token[0][1:] in (b"]", b"P", b"_"))
        return False

    def _understood(self, token: re.Match[bytes]) -> bool:
        """Return whether a token is a piece to hand on."""
        kind, data = token.lastgroup, token[0]
        if kind != "control":
            return kind == "text" or (kind == "key" and not self._pasting)
        if data in (PASTE_BEGINS.encode(), PASTE_ENDS.encode()):
            self._pasting = data == PASTE_BEGINS.encode()
            return True
        return not self._pasting and _whole(token) and len(data) <= _LONGEST


def _whole(control: re.Match[bytes]) -> bool:
    """Return whether a control sequence is complete."""
    return control["final"] is not None or control[0].endswith(b"$")
