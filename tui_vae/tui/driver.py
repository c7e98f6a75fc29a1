"""The library's way to the terminal, with pictures for cells that stand for them, and answers kept from the keys."""

from __future__ import annotations

import math
import os
import select
import time
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from tui_vae.tui.images import TerminalImages
from tui_vae.view.answers import Graphics

_SECONDS_TO_ANSWER = 5.0
"""After which no answer comes any more."""
_LOOK = 0.1
_LOOKS_TO_SETTLE = math.ceil(ESCAPE_DELAY / _LOOK) + 2
"""In vain, after the last byte: what is held back as the beginning of an answer is let go, and an escape is known as a
key. Not by the clock alone: a process that is held up would not have looked at all."""

_REPORT_SIZE = "\x1b[?2048h"


def driver_for(images: TerminalImages | None, graphics: Graphics) -> type[Driver]:
    """A driver that shows these pictures and begins with what was typed before it."""

    class PictureDriver(LinuxDriver):
        _begun = False

        def write(self, data: str) -> None:
            super().write(data if images is None else images.written(data))

        def stop_application_mode(self) -> None:
            if images is not None:
                images.give_up_all()  # told before the terminal goes back to its other screen
            super().stop_application_mode()

        def run_input_thread(self) -> None:
            if not self._begun:
                self._begun = True
                self._begin()
            super().run_input_thread()

        def _begin(self) -> None:
            """Take what was typed while the terminal was asked, and what it answers too late out of what is typed."""
            parser, decode = XTermParser(), getincrementaldecoder("utf-8")("replace").decode

            def process(typed: bytes) -> None:
                messages = [*(parser.feed(text) if (text := decode(typed)) else ()), *parser.tick()]
                for message in messages:
                    self.process_message(message)

            answers, end = graphics.awaited, time.monotonic() + _SECONDS_TO_ANSWER
            looks = _LOOKS_TO_SETTLE if graphics.typed else 0
            process(graphics.typed)
            # An escape or a sequence that has begun has to end here: the library's parser begins anew.
            while (answers is not None and not answers.complete and time.monotonic() < end) or looks > 0:
                if self.exit_event.is_set():
                    return
                if not select.select([self.fileno], [], [], _LOOK)[0]:
                    looks -= 1
                    process(b"" if answers is None else answers.release())
                elif data := os.read(self.fileno, 4096):
                    looks = _LOOKS_TO_SETTLE
                    process(data if answers is None else answers.feed(data))
                else:
                    return
            if self._in_band_window_resize:
                self.write(_REPORT_SIZE)  # the library's own parser is to know it, for the place of the mouse

    return PictureDriver
