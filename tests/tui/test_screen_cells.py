"""What is sent to the terminal: after it, the terminal shows what it should, whatever it showed before."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from tui_vae.tui.graphics.kitty import cell
from tui_vae.tui.terminal.screen_cells import ScreenCells

COLUMNS, ROWS = 40, 6
STYLES = [
    Style(),
    Style(color="#102030"),
    Style(color="#102030", bgcolor="#ffffff"),
    Style(color="#a0b0c0", bgcolor="#ffffff", bold=True),
    Style(bold=True),
    Style(italic=True, reverse=True),
    Style(underline=True, color="#102030"),
    Style(color="red"),
    Style(bgcolor="bright_blue"),
    Style(strike=True, bgcolor="bright_blue"),
]
TEXTS = st.text(st.sampled_from("ab c│⠿▀é字あ●"), min_size=1, max_size=30)
PIECES = st.lists(st.tuples(TEXTS, st.sampled_from(STYLES)), min_size=1, max_size=4)
PUTS = st.lists(st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, ROWS - 1), PIECES), max_size=10)

Puts = list[tuple[int, int, list[tuple[str, Style]]]]
Cell = tuple[str, Style]


class Screen:
    """Cells as they should be; the right half of a character of two cells is empty."""

    def __init__(self) -> None:
        self.rows: list[list[Cell]] = [[(" ", STYLES[0])] * COLUMNS for _ in range(ROWS)]

    def put(self, x: int, y: int, pieces: list[tuple[str, Style]]) -> None:
        row = self.rows[y]
        for text, style in pieces:
            for character in text:
                for half in (character, "")[: cell_len(character)]:
                    if x < COLUMNS:
                        row[x] = half, style
                    x += 1
        self.rows[y] = [
            (" ", style) if halved(row, column) else (character, style) for column, (character, style) in enumerate(row)
        ]


def halved(row: list[Cell], column: int) -> bool:
    """Whether the other half of a character is not there."""
    character, _ = row[column]
    if not character:
        return column == 0 or cell_len(row[column - 1][0]) != 2
    return cell_len(character) == 2 and (column + 1 == COLUMNS or row[column + 1][0] != "")


class Terminal:
    """A terminal as an emulator has it."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)

    def write(self, text: str) -> None:
        self._stream.feed(text)

    def assert_shows(self, wanted: Screen) -> None:
        expected = Terminal()
        for y, row in enumerate(wanted.rows):
            for x, (character, style) in enumerate(row):
                if character:
                    expected.write(
                        f"\x1b[{y + 1};{x + 1}H{style.render(character, color_system=ColorSystem.TRUECOLOR)}"
                    )
        assert self._cells() == expected._cells()

    def _cells(self) -> list[list[object]]:
        return [[self._screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)]


def covered() -> tuple[ScreenCells, Screen]:
    """Cells that are all blank, and what a screen of them is."""
    cells, screen = ScreenCells(ColorSystem.TRUECOLOR), Screen()
    cells.resize(COLUMNS, ROWS)
    draw(cells, screen, [(0, row, [(" " * COLUMNS, STYLES[0])]) for row in range(ROWS)])
    return cells, screen


def draw(cells: ScreenCells, screen: Screen, puts: Puts) -> None:
    for x, y, pieces in puts:
        cells.put(x, y, [Segment(text, style) for text, style in pieces])
        screen.put(x, y, pieces)


@given(first=PUTS, then=PUTS)
def test_the_terminal_shows_what_it_should_and_gets_nothing_twice(first: Puts, then: Puts) -> None:
    (cells, screen), terminal = covered(), Terminal()
    for puts in (first, then):
        draw(cells, screen, puts)
        terminal.write(cells.changes())
        terminal.assert_shows(screen)
        assert cells.complete
        assert cells.changes() == ""


@given(puts=PUTS, urgent=st.frozensets(st.integers(0, ROWS - 1)), most=st.integers(1, 400))
def test_sent_in_parts_it_comes_to_the_same(puts: Puts, urgent: frozenset[int], most: int) -> None:
    (cells, screen), terminal = covered(), Terminal()
    draw(cells, screen, puts)
    for _ in range(COLUMNS * ROWS):
        terminal.write(cells.changes(urgent, most))
        if cells.complete:
            break
    terminal.assert_shows(screen)


def test_what_is_there_already_is_not_sent() -> None:
    cells, screen = covered()
    draw(cells, screen, [(0, 2, [("epoch 19 of 20", STYLES[1])])])
    cells.changes()
    draw(cells, screen, [(0, 2, [("epoch 20 of 20", STYLES[1])])])
    assert cells.changes() == "\x1b[3;7H\x1b[38;2;16;32;48m20\x1b[0m"


def test_after_the_screen_was_lost_all_of_it_is_sent() -> None:
    (cells, screen), terminal = covered(), Terminal()
    draw(cells, screen, [(3, 1, [("quiet-otter", STYLES[2])])])
    cells.changes()
    terminal.write("garbage")
    cells.forget()
    terminal.write(cells.changes())
    terminal.assert_shows(screen)


def test_urgent_rows_come_first_and_text_before_pictures() -> None:
    cells, screen = covered()
    cells.changes()
    draw(cells, screen, [(0, row, [("▀" * 20, STYLES[2]), (f"row {row}", STYLES[1])]) for row in range(ROWS)])
    sent = [cells.changes(frozenset({4}), 1) for _ in range(2 * ROWS)]
    assert [text[-9:-4] for text in sent[:ROWS]] == ["row 4", "row 0", "row 1", "row 2", "row 3", "row 5"]
    assert all("▀" in text for text in sent[ROWS:])
    assert cells.complete


def test_what_stands_in_the_place_of_a_picture_that_waits_goes_first() -> None:
    (cells, screen), terminal = covered(), Terminal()
    draw(cells, screen, [(0, row, [("a chart", STYLES[0])]) for row in range(ROWS)])
    terminal.write(cells.changes())
    draw(cells, screen, [(0, row, [("▀" * 10, STYLES[2])]) for row in range(ROWS)])
    terminal.write(cells.changes(most=1))
    blank = Screen()
    blank.put(0, 0, [("▀" * 10, STYLES[2])])
    terminal.assert_shows(blank)
    terminal.write(cells.changes())
    terminal.assert_shows(screen)


def test_cells_of_pictures_are_written_as_the_library_does() -> None:
    cells, _ = covered()
    cells.changes()
    style = Style(color="#800001", bgcolor="#202020")
    cells.put(2, 1, [Segment("x", STYLES[1]), Segment(cell(0, 0) + cell(0, 1), style)])
    picture = style.render(cell(0, 0) + cell(0, 1), color_system=ColorSystem.TRUECOLOR)
    assert cells.changes() == f"\x1b[2;3H\x1b[38;2;16;32;48mx\x1b[0m\x1b[2;4H{picture}".replace("\x1b[2;4H", "")


def test_colours_without_end_take_bounded_room() -> None:
    (cells, screen), terminal = covered(), Terminal()
    for number in range(11_000):
        draw(cells, screen, [(number % COLUMNS, number % ROWS, [("x", Style(color=f"#{number:06x}"))])])
        terminal.write(cells.changes())
    terminal.assert_shows(screen)
    assert len(cells._looks) < 10_000


def test_without_colours_only_attributes_are_sent() -> None:
    cells = ScreenCells(None)
    cells.resize(COLUMNS, ROWS)
    cells.put(0, 0, [Segment("plain", STYLES[2])])
    assert cells.changes() == "\x1b[1;1Hplain"
