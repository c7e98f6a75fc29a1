"""Divides what a terminal sends into text and control sequences, whatever it sends and wherever it is cut.

A terminal that was reloaded, a slow link or a program that answers late sends more than keys: reports of the mouse in
an encoding that nobody asked for, answers, bytes that are no UTF-8. None of that may be taken for keys. For the forms
of sequences see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"

MOST_LOOKS = 50
"""In vain, after which the rest of a sequence comes no more, so that it is no longer waited for."""

_LONGEST = 32
"""Bytes of a control sequence beyond which it is none that a terminal sends."""

_LONGEST_STRING = 4096
"""Bytes of an answer to a question, such as for a colour or a name."""

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
"""How a sequence begins, the first byte or two of which have been given out as a key."""

_MOST_OF_A_HAND = 1
"""Bytes that come at once when a key is typed that is no sequence."""


class TerminalInput:
    """Takes bytes as they come, and gives out pieces of which each is text, a control sequence or a key with alt."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("ignore").decode
        self._held = b""
        self._looks = 0
        self._given = b""
        self._pasting = False

    def feed(self, data: bytes) -> list[str]:
        """The pieces of what has come; a beginning is held back until the rest of it comes."""
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
        """To be called when nothing has come for a while: gives out an escape, or a key with alt, that was held."""
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
        """Whether the rest of a token may still come."""
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
        """Whether a token is for whoever takes the pieces."""
        kind, data = token.lastgroup, token[0]
        if kind != "control":
            return kind == "text" or (kind == "key" and not self._pasting)
        if data in (PASTE_BEGINS.encode(), PASTE_ENDS.encode()):
            self._pasting = data == PASTE_BEGINS.encode()
            return True
        return not self._pasting and _whole(token) and len(data) <= _LONGEST


def _whole(control: re.Match[bytes]) -> bool:
    """Whether a control sequence has come to its end."""
    return control["final"] is not None or control[0].endswith(b"$")
