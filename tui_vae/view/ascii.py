"""Stand-ins in ASCII for every character that the program draws, one for one, so that columns stay aligned."""

from __future__ import annotations

import functools
import unicodedata

_NAMED = str.maketrans(
    {
        "–": "-", "—": "-", "−": "-", "·": "|", "×": "x", "…": "~", "±": "~", "²": "2", "σ": "s", "°": " ",
        "←": "<", "→": ">", "↑": "^", "↓": "v",
        "●": "o", "▲": "^", "■": "#", "◆": "%", "✚": "+", "★": "*",
        "▶": ">", "⏸": "=", "✓": "+", "✗": "!",
        "▀": '"', "▔": "-", "▁": "_", "▂": "_", "▃": "_", "▄": "_", "▅": "#", "▆": "#", "▇": "#", "█": "#",
        "▊": "|", "▌": "|", "▎": "|", "▏": "|", "▐": "|", "░": ".", "▒": ":", "▓": "%", "•": "*",
    }
)  # fmt: skip
_HORIZONTAL = set("─━┄┅┈┉╌╍═╴╶╸╺")
_VERTICAL = set("│┃┆┇┊┋╎╏║╵╷╹╻")


@functools.lru_cache(maxsize=4096)
def to_ascii(text: str) -> str:
    """``text`` with each character that is not ASCII replaced by one that is."""
    if text.isascii():
        return text
    return "".join(_stand_in(character) for character in text.translate(_NAMED))


def _stand_in(character: str) -> str:
    if character.isascii():
        return character
    if character in _HORIZONTAL:
        return "-"
    if character in _VERTICAL:
        return "|"
    code = ord(character)
    if 0x2500 <= code <= 0x257F:  # the other box drawings are corners and crossings
        return "+"
    if 0x2800 <= code <= 0x28FF:  # braille: the more dots, the denser
        return " .:*#"[min(4, -(-(code - 0x2800).bit_count() // 2))]
    letter = unicodedata.normalize("NFD", character)[0]  # without its accents
    return letter if letter.isascii() else "?"
