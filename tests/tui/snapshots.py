"""A screen as text that a person can read and compare: its characters, and below them the colours of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

from rich.color import Color
from rich.style import Style
from textual.strip import Strip

_HALF_BLOCKS = frozenset("▀▄█")
_SHADES = " .:-=+*#%@"
_WHATEVER = "~"
"""The colours of a picture of digits, which tests of their own read; here its shades stand in the text."""


def screen_as_text(strips: Sequence[Strip]) -> str:
    """Every cell of the screen, then a letter for the style of each, then what the letters mean."""
    letters: dict[str, str] = {}
    names = (*ascii_letters, *(chr(code) for code in range(0xC0, 0x180)))
    texts, styles = [], []
    for strip in strips:
        text, style_line = "", ""
        for segment in strip:
            style = segment.style or Style()
            for character in segment.text:
                shade = _shade(character, style)
                if shade is not None:
                    text, style_line = text + shade, style_line + _WHATEVER
                    continue
                described = _described(style, blank=not character.strip())
                letter = letters.setdefault(described, names[len(letters)]) if described else " "
                text, style_line = text + character, style_line + letter
        texts.append(text.rstrip())
        styles.append(style_line.rstrip())
    legend = [f"{letter}  {described}" for described, letter in letters.items()]
    rule = "─" * max(strip.cell_length for strip in strips)
    return "\n".join([*texts, rule, *styles, rule, *legend, ""])


def _shade(character: str, style: Style) -> str | None:
    """What a cell of a picture in half blocks looks like from afar; ``None`` for other cells."""
    if character not in _HALF_BLOCKS:
        return None
    colours = [colour.triplet for colour in (style.color, style.bgcolor) if colour is not None]
    if len(colours) < 2 or any(colour is None or len(set(colour)) > 1 for colour in colours):
        return None
    mean = sum(colour.red for colour in colours if colour is not None) / 2
    return _SHADES[min(int(mean / 256 * len(_SHADES)), len(_SHADES) - 1)]


def _described(style: Style, *, blank: bool) -> str:
    """A style in words; of a blank cell, only what is seen of it."""
    words = [] if blank else [_name(style.color)]
    words += [] if style.bgcolor is None or style.bgcolor.is_default else [f"on {_name(style.bgcolor)}"]
    for name in ("bold", "dim", "italic", "underline", "reverse"):
        if getattr(style, name) and (not blank or name in ("underline", "reverse")):
            words.append(name)
    return " ".join(words)


def _name(colour: Color | None) -> str:
    return "default" if colour is None else colour.name
