"""Makes text safe for any terminal: escapes control characters, and replaces what is not ASCII where needed."""

from __future__ import annotations

import dataclasses
import functools
import unicodedata
from collections.abc import Iterable
from typing import Any

from msgspec import structs

from tui_vae.events import Event, Notice

MOST_CHARACTERS = 4000
_DEEPEST = 20


def printable(text: str, *, keep: str = "") -> str:
    """Escape every character that is not printable, as in ``\\x1b``, and limit the length.

    Args:
        text: Anything.
        keep: Characters to leave as they are, such as line ends.
    """
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def printable_event(event: Event) -> Event:
    """Return an event whose texts are all :func:`printable`; the same object if they were."""
    keep = "\n\t" if isinstance(event, Notice) else ""
    plain = _plain(event, keep, 0)
    assert isinstance(plain, Event)
    return plain


def _plain(value: Any, keep: str, depth: int) -> Any:
    """Make a value of an event printable; drop what is nested deeper than in any event."""
    if isinstance(value, str):
        return printable(value, keep=keep)
    if isinstance(value, (int, float)) or value is None:
        return value
    if depth > _DEEPEST:
        return None
    if isinstance(value, Event):
        changes = _changes(value, value.__struct_fields__, keep, depth)
        return structs.replace(value, **changes) if changes else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = _changes(value, vars(value), keep, depth)
        return dataclasses.replace(value, **changes) if changes else value
    if isinstance(value, dict):
        return {printable(key): _plain(item, keep, depth + 1) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)([_plain(item, keep, depth + 1) for item in value])
    return value


def _changes(record: Any, names: Iterable[str], keep: str, depth: int) -> dict[str, Any]:
    """Return printable versions of the fields of a record that are not printable."""
    changes: dict[str, Any] = {}
    for name in names:
        value = getattr(record, name)
        plain = _plain(value, keep, depth + 1)
        if plain is not value and plain != value:
            changes[name] = plain
    return changes


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
    """Replace each character that is not ASCII by one that is, so that columns stay aligned."""
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
