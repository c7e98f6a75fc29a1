"""What stands before the pages and is dismissed."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """Dismissed once: of two clicks in haste, the second finds it on its way out, and may not take what is behind."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """As the library's; nothing when it is in front no more."""
        return super().dismiss(result) if self.is_active else AwaitComplete.nothing()  # type: ignore[no-untyped-call]

    def on_mount(self) -> None:
        if self.children:  # an app that is left meanwhile puts nothing together
            self.begin()

    def begin(self) -> None:
        """What is done once all parts are there."""
