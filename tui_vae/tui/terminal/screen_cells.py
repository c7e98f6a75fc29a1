"""The cells of the screen, as the terminal shows them and as they should be; only differences are sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from tui_vae.tui.graphics.kitty import PLACEHOLDER

_UNKNOWN, _CONTINUED = -1, 0
"""Codes of a cell with unknown content, and of the right half of a wide character."""

_GRAPHEMES = 0x110000
"""First code for several characters in one cell, which are usually parts of pictures."""

_BLANK, _HALF_BLOCK = ord(" "), ord("▀")

_NARROW = re.compile("[ -~¡-¬®-ÿ–-…←-↓−─-▟■-◿⠀-⣿]*")
"""Text whose characters take one cell each; other text takes the slow path."""

_GAP = 4
"""Most unchanged cells that are sent again, as moving the cursor takes as many bytes."""

_PIECE = 32
"""Columns of a row that are sent at once, about a kilobyte of a picture."""

_MOST_LOOKS = 4096
"""Most looks that are kept: every new picture of a terminal has new colours."""

_PLAIN = 0
"""The number of the look without any code, which a reset restores."""
_RESET = "\x1b[0m"
_RENDERED = re.compile(r"\x1b\[([\d;]+)m.\x1b\[0m")

Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]


class _Look(NamedTuple):
    """Codes of a style in three parts that can be changed one by one; ``other`` if it has more than those."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""
    other: bool = False


class ScreenCells:
    """Takes what should be on the screen, and returns the changes piece by piece as text for the terminal.

    Args:
        colours: The colours of the terminal; ``None`` if it has none.
    """

    def __init__(self, colours: ColorSystem | None) -> None:
        self._colours = colours
        self._graphemes: dict[str, int] = {}
        self._texts: list[str] = []
        """Graphemes by their codes."""
        self._numbers: dict[Style | None, int] = {}
        self._styles_seen: dict[int, tuple[Style | None, int]] = {}
        """Numbers by the identity of a style, as hashing it takes longer; the style is kept alive with them."""
        self._styles: list[Style] = []
        self._looks: list[_Look] = []
        self._changes: dict[tuple[int, int], str] = {}
        self._number(None)
        self._next_row = 0
        self.resize(0, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        rows, columns = self._codes.shape
        return columns, rows

    def resize(self, columns: int, rows: int) -> None:
        """Start over with a screen of another size and unknown content."""
        self._codes, self._there_codes = (np.full((rows, columns), _UNKNOWN, np.int32) for _ in range(2))
        self._cell_looks, self._there_looks = (np.zeros((rows, columns), np.int32) for _ in range(2))

    def forget(self) -> None:
        """Treat the content of the terminal as unknown: everything is sent again."""
        self._there_codes.fill(_UNKNOWN)

    def put(self, x: int, y: int, segments: Iterable[Segment]) -> None:
        """Put text on the screen, starting at a cell; what lies beyond the screen is cut off."""
        columns, rows = self.size
        if not (0 <= y < rows and 0 <= x < columns):
            return
        texts: list[str] = []
        numbers: list[int] = []
        lengths: list[int] = []
        seen = self._styles_seen
        for text, style, control in segments:
            if text and not control:
                texts.append(text)
                lengths.append(len(text))
                known = seen.get(id(style))
                numbers.append(known[1] if known is not None else self._number(style))
        whole = "".join(texts)
        if _NARROW.fullmatch(whole):
            codes = np.frombuffer(whole.encode("utf-32-le"), "<i4")
        else:
            pieces = [self._coded(text) for text in texts]
            codes = np.array([code for piece in pieces for code in piece], np.int32)
            lengths = [len(piece) for piece in pieces]
        end = min(columns, x + len(codes))
        if end == x:
            return
        row = self._codes[y]
        if row[x] == _CONTINUED and x > 0:
            row[x - 1] = _BLANK  # the left half of a character goes with the right one
        row[x:end] = codes[: end - x]
        if end < columns and row[end] == _CONTINUED:
            row[end] = _BLANK
        if end < x + len(codes) and codes[end - x] == _CONTINUED:
            row[end - 1] = _BLANK
        self._cell_looks[y, x:end] = np.repeat(np.array(numbers, np.int32), lengths)[: end - x]

    def changes(self, urgent: frozenset[int] = frozenset(), most: int | None = None) -> str:
        """Return text that brings the terminal up to date, or as much of it as ``most`` allows.

        Text comes before pictures, of which each cell takes as many bytes as a word. While pictures have to wait, the
        old content of their cells is erased.

        Args:
            urgent: Rows that come first. The others follow in turn, so that none starves.
            most: Characters after which no further piece is started.
        """
        differs = self._differs()
        pictures = _are_pictures(self._codes)
        parts: list[str] = []
        size, look, cursor = 0, _PLAIN, (-1, 0)
        for kind in (differs & ~pictures, differs & pictures):
            rows: list[int] = np.flatnonzero(kind.any(axis=1)).tolist()
            for row in sorted(
                rows, key=lambda row: (row not in urgent, row not in urgent and row < self._next_row, row)
            ):
                if most is not None and size >= most:
                    break
                characters, looks = self._characters(row), self._cell_looks[row].tolist()
                for start, end in _runs(kind[row], self._codes[row]):
                    if most is not None and size >= most:
                        break
                    text, look = self._written(characters[start:end], looks[start:end], look)
                    parts.append(_moved(cursor, (row, start)) + text)
                    cursor = row, end
                    size += len(parts[-1])
                    self._there_codes[row, start:end] = self._codes[row, start:end]
                    self._there_looks[row, start:end] = self._cell_looks[row, start:end]
                if row not in urgent:
                    self._next_row = row + 1
        parts.append(self._change(look, _PLAIN))
        if most is not None and size >= most:
            parts += self._erased(pictures)
        if len(self._looks) > _MOST_LOOKS:
            self._forget_looks()
        return "".join(parts)

    @property
    def complete(self) -> bool:
        """Whether the terminal is up to date."""
        return not self._differs().any()

    def _differs(self) -> Flags:
        differs: Flags = (self._codes != self._there_codes) | (self._cell_looks != self._there_looks)
        differs &= self._codes != _UNKNOWN  # nothing was drawn there yet
        return differs

    def _erased(self, pictures: Flags) -> Iterator[str]:
        """Erase old content where pictures have to wait."""
        there = self._there_codes
        stale = pictures & self._differs() & ~_are_pictures(there) & (there != _BLANK)
        for row in np.flatnonzero(stale.any(axis=1)).tolist():
            for start, end in _runs(stale[row], there[row]):
                yield f"{_moved((-1, 0), (row, start))}\x1b[{end - start}X"
                there[row, start:end], self._there_looks[row, start:end] = _BLANK, _PLAIN

    def _written(self, characters: str | list[str], looks: list[int], look: int) -> tuple[str, int]:
        """Return the text of some cells, given the current look of the terminal, and its look after that."""
        parts = []
        start, length = 0, len(looks)
        while start < length:
            wanted = looks[start]
            end = start + 1
            while end < length and looks[end] == wanted:
                end += 1
            text = "".join(characters[start:end])
            if self._looks[wanted].other or PLACEHOLDER in text:  # as the library writes it: pictures are found by that
                rendered = self._styles[wanted].render(text, color_system=self._colours)
                parts.append(self._change(look, _PLAIN) + rendered)
                look = _PLAIN
            else:
                parts.append(self._change(look, wanted) + text)
                look = wanted
            start = end
        return "".join(parts), look

    def _change(self, before: int, after: int) -> str:
        change = self._changes.get((before, after))
        if change is None:
            change = self._changes[before, after] = _change(self._looks[before], self._looks[after])
        return change

    def _characters(self, row: int) -> str | list[str]:
        """Return the characters in each cell of a row."""
        codes = self._codes[row]
        if codes.max() < _GRAPHEMES and codes.min() > _CONTINUED:
            text: str = codes.astype("<i4").tobytes().decode("utf-32-le")
            return text
        return [self._grapheme(code) for code in codes.tolist()]

    def _grapheme(self, code: int) -> str:
        return self._texts[code - _GRAPHEMES] if code >= _GRAPHEMES else chr(code) if code > _CONTINUED else ""

    def _coded(self, text: str) -> list[int]:
        codes: list[int] = []
        for character in text:
            width = get_character_cell_size(character)
            if width == 0 and codes:
                at = len(codes) - (2 if codes[-1] == _CONTINUED and len(codes) > 1 else 1)
                codes[at] = self._code(self._grapheme(codes[at]) + character)
            elif width > 0:
                codes += [ord(character), *[_CONTINUED] * (width - 1)]
        return codes

    def _code(self, grapheme: str) -> int:
        if grapheme not in self._graphemes:
            self._graphemes[grapheme] = _GRAPHEMES + len(self._texts)
            self._texts.append(grapheme)
        return self._graphemes[grapheme]

    def _number(self, style: Style | None) -> int:
        number = self._numbers.get(style)
        if number is None:
            number = self._numbers[style] = len(self._looks)
            self._styles.append(style or Style())
            self._looks.append(_look(self._styles[-1], self._colours))
        if len(self._styles_seen) > _MOST_LOOKS:
            self._styles_seen.clear()
        self._styles_seen[id(style)] = style, number
        return number

    def _forget_looks(self) -> None:
        """Drop the looks of which no cell is left."""
        used = np.unique(np.r_[_PLAIN, self._cell_looks.reshape(-1), self._there_looks.reshape(-1)])
        self._cell_looks, self._there_looks = (
            np.searchsorted(used, looks).astype(np.int32) for looks in (self._cell_looks, self._there_looks)
        )
        kept = {number: place for place, number in enumerate(used.tolist())}
        self._looks = [self._looks[number] for number in kept]
        self._styles = [self._styles[number] for number in kept]
        self._numbers = {style: kept[number] for style, number in self._numbers.items() if number in kept}
        self._styles_seen.clear()
        self._changes.clear()


def _are_pictures(codes: Codes) -> Flags:
    pictures: Flags = (codes == _HALF_BLOCK) | (codes >= _GRAPHEMES)
    return pictures


def _moved(cursor: tuple[int, int], place: tuple[int, int]) -> str:
    """Return what moves the cursor from one row and column to another."""
    row, column = place
    if row != cursor[0] or column < cursor[1]:
        return f"\x1b[{row + 1};{column + 1}H"
    return f"\x1b[{column - cursor[1]}C" if column > cursor[1] else ""


def _runs(wanted: Flags, codes: Codes) -> Iterator[tuple[int, int]]:
    """Yield pieces of a row that cover all wanted cells with whole characters."""
    places = np.flatnonzero(wanted)
    cuts = np.flatnonzero((np.diff(places) > _GAP) | (places[1:] // _PIECE != places[:-1] // _PIECE))
    for start, end in zip(places[np.r_[0, cuts + 1]].tolist(), (places[np.r_[cuts, -1]] + 1).tolist(), strict=True):
        first, last = start, end
        while first > 0 and codes[first] == _CONTINUED:
            first -= 1
        while last < len(codes) and codes[last] == _CONTINUED:
            last += 1
        yield first, last


@lru_cache(maxsize=1 << 14)
def _look(style: Style, colours: ColorSystem | None) -> _Look:
    rendered = style.render("x", color_system=colours)
    if rendered == "x":
        return _Look()
    found = _RENDERED.fullmatch(rendered)
    if found is None:
        return _Look(other=True)
    attributes: list[str] = []
    foreground: list[str] = []
    background: list[str] = []
    codes = found[1].split(";")
    while codes:
        code = int(codes[0])
        length = {"2": 5, "5": 3}[codes[1]] if code in (38, 48) else 1
        kind = foreground if 30 <= code <= 39 or 90 <= code <= 97 else background if code >= 40 else attributes
        kind += codes[:length]
        del codes[:length]
    return _Look(";".join(attributes), ";".join(foreground), ";".join(background))


def _change(before: _Look, after: _Look) -> str:
    """Return what changes the look in which the terminal writes."""
    if before == after:
        return ""
    if after == _Look():
        return _RESET
    whole = [part for part in after[:3] if part]
    if before.attributes and before.attributes != after.attributes:
        return f"\x1b[0;{';'.join(whole)}m"
    parts = [after.attributes] if after.attributes != before.attributes else []
    parts += [after.foreground or "39"] if after.foreground != before.foreground else []
    parts += [after.background or "49"] if after.background != before.background else []
    return f"\x1b[{';'.join(parts)}m"
