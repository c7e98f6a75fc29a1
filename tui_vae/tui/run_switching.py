"""An application that shows one run, and at the user's wish another of the library in its place."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import ContentSwitcher

from tui_vae.run_status import ListedRun
from tui_vae.tui.background import Loader, OpenSource, run_in_thread
from tui_vae.tui.pages import PAGES, Page, RunsPage
from tui_vae.tui.run_tracker import MOST_COMPARED, FollowedRun, Following
from tui_vae.tui.screens.dialogs import Leave, LeaveScreen
from tui_vae.tui.training_actions import SteeringApp
from tui_vae.tui.widgets.digits import Gallery
from tui_vae.view.evaluation_status import evaluation_alone
from tui_vae.view.library import OpenedRun, RunLibrary
from tui_vae.view.run_source import RunSource
from tui_vae.view.state import RunState


class VisitingApp(SteeringApp):
    """Knows which runs are followed, and what the pages are made anew for.

    Args:
        open_source: Opens the first run; ``None`` when the user is to choose one.
        state: What is known of it.
        library: The other runs.
    """

    def __init__(self, open_source: OpenSource | None, state: RunState, library: RunLibrary | None) -> None:
        super().__init__()
        self._loader = Loader(open_source)
        self.following = Following(self._loader, state)
        self.library = library
        self._gallery = Gallery()
        self._told_end = False

    @property
    def run_state(self) -> RunState:
        """Of the run that is shown."""
        return self.following.state

    @property
    def source(self) -> RunSource | None:
        """Of the run that is shown, once it is open."""
        return self.following.source

    @property
    def others(self) -> tuple[RunState, ...]:
        """The runs whose curves are drawn beside those of the run that is shown."""
        return self.following.compared

    def action_page(self, name: str) -> None:
        """Turn to a page."""
        raise NotImplementedError

    @property
    def first_state(self) -> RunState:
        """Of the run that the interface was opened on."""
        return self.following.first_state

    def tell_end_of_first(self) -> None:
        """Say that the first run has ended, should another be shown."""
        state = self.following.first_state
        if state.status is None:
            self._told_end = False
        elif not self._told_end:
            self._told_end = True
            if self.following.visited is not None:
                self.notify(f"{state.name} {state.status}: 0 leads back to it", timeout=10, markup=False)

    # Leaving is about the first run: others go on in processes of their own.

    def action_leave(self) -> None:
        first, state = self.following.first, self.first_state
        if state.status is not None or first is None or not first.own:
            self.exit(Leave.STOP if self._loader.waiting else Leave.DONE)
        elif isinstance(self.screen, LeaveScreen):
            self.exit(Leave.STOP)
        else:
            self.push_screen(LeaveScreen(evaluation_alone(state)), self._left)

    def _left(self, leave: Leave | None) -> None:
        if leave is not None:
            self.exit(leave)

    async def action_quit(self) -> None:
        self.action_leave()

    # What the page of runs asks for.

    def action_runs(self, what: str) -> None:
        """Do something with the runs, on their page."""
        page = self.query_one(RunsPage)
        if not page.display:
            self.action_page("runs")
        page.act(what)

    def on_runs_page_opened(self, message: RunsPage.Opened) -> None:
        self.open_run(message.key, message.name, message.anew)

    async def on_runs_page_gone(self, message: RunsPage.Gone) -> None:
        """A run was deleted: it is followed no more."""
        self.following.leave_out(message.key)
        if self.following.visited is not None and self.following.key == message.key:
            await self._show(None)

    def on_runs_page_marked(self, message: RunsPage.Marked) -> None:
        run, following = message.run, self.following
        if run.key in following.marks:
            following.leave_out(run.key)
        elif len(following.marks) >= MOST_COMPARED:
            self.notify(f"{MOST_COMPARED} runs are compared at most", timeout=3)
        elif run.key == following.first_key:
            following.compare(run.key, None)
        elif self.library is not None:
            self._mark(run, self.library)

    def _mark(self, run: ListedRun, library: RunLibrary) -> None:
        def follow(source: OpenedRun) -> None:
            if run.key in self.following.marks or len(self.following.marks) >= MOST_COMPARED:
                source.close()
            else:
                self.following.compare(run.key, FollowedRun(run.key, source, run.name))

        run_in_thread(self, lambda: library.open(run.key), follow, self.refuse)

    def on_runs_page_unmarked(self, message: RunsPage.Unmarked) -> None:
        for key in self.following.marks:
            self.following.leave_out(key)

    def open_run(self, key: str, name: str, anew: bool) -> None:
        """Show a run of the library; ``anew`` also if it is shown already, for its files were moved."""
        library = self.library
        if key == self.following.first_key:
            self.call_later(self._show, None)
        elif key == self.following.key and not anew:
            self.action_page("training")
        elif library is not None:
            run_in_thread(
                self,
                lambda: library.open(key),
                lambda source: self._show(FollowedRun(key, source, name)),
                self.refuse,
            )

    async def _show(self, run: FollowedRun | None) -> None:
        """Show a run with pages of its own, or the first again."""
        if run is not None or self.following.visited is not None:
            self.following.visit(run)
            self._gallery = Gallery()
            switcher = self.query_one("#pages", ContentSwitcher)
            switcher.current = "runs"
            await switcher.remove_children([page for page in switcher.children if not isinstance(page, RunsPage)])
            await self._put(switcher, [page() for page in PAGES])
        if self.following.source is not None:
            self.action_page("training")

    async def _put(self, switcher: ContentSwitcher, pages: Sequence[Page]) -> None:
        for page in pages:
            page.display = False
        await switcher.mount_all(pages)

    def refuse(self, why: str) -> None:
        """Say why something was not done."""
        self.notify(why, severity="error", timeout=10, markup=False)

    def on_unmount(self) -> None:
        self.following.close()
