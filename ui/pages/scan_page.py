# SPDX-License-Identifier: GPL-3.0-or-later
"""What scans have found, and looks for more, with results as they come."""

from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QStackedLayout, QWidget

from ipc.desk.requests import AskCatalogue, Catalogue
from ipc.desk.state import CatalogueEntry
from ui.controls.elided import ElidedText
from ui.desk import Desk
from ui.pages.command import Command, Ended
from ui.pages.events import Count, Looking, Probing, Result, Resuming, ScanEvent, Warned
from ui.pages.parts.buttons import Action, Chip, Primary
from ui.pages.parts.flow import FlowLayout
from ui.pages.parts.hint import Hint
from ui.pages.parts.mark import Mark
from ui.pages.parts.page import Page
from ui.pages.parts.progress_line import ProgressLine
from ui.pages.parts.rows import list_of_rows
from ui.pages.parts.tally import Tally
from ui.pages.parts.words import Words
from ui.pages.scan_rows import FINE, ScanModel, ScanRows
from ui.theme.theme import Theme

_FLUSH_MS = 80
_FOUND = Mark("tick", "active", "usable")
_FAILED = Mark("cross", "failed", "not usable")
_NEW = Mark("dot", "accent", "new")
_OWN = "builtin"  # of which there is nothing to scan

_NEVER = (
    "Nothing was scanned yet",
    "A first scan takes some minutes; later ones only look at what is new.",
)
_NONE_FOUND = ("Nothing was found", "There are no plugins in that place.")
_NOTHING_WRONG = ("Nothing is wrong", "All plugins that were found work.")


class ScanPage(Page):
    """It shows the catalogue, and what a scan tells on top of it. Emits `catalogue_changed` after
    every scan that has probed something."""

    catalogue_changed = pyqtSignal()

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(
            theme,
            "Scan for plugins",
            "Each is tried in a process of its own: one that crashes or hangs is noted, and harms "
            "nothing.",
            parent,
        )
        self._desk = desk
        self._known: frozenset[str] | None = None  # before the scan
        self._is_waiting = False  # for what was known
        self._has_scanned = False  # and what came of it is said
        self._new = self._probed = 0
        self._files = 1  # that the scan looks at
        self.command = Command(ScanEvent, self)
        self.model = ScanModel(self)
        self.start = Primary(theme, "Scan", "mdi6.radar", "Look where plugins are installed")
        self.folder = Action(theme, "Folder…", "mdi6.folder-search-outline", "Scan only one folder")
        self.cancel = Action(theme, "Cancel", "mdi6.stop", "What was found by then is kept")
        self.all_again = Chip(theme, "Also what has not changed", "Try every plugin again")
        self.only_bad = Chip(theme, "Only what is wrong", "Hide plugins that work")
        self.line = ProgressLine(theme)
        self.now = ElidedText(theme, colour="text_dim")
        self.amount = Words(theme, colour="text_dim", figures=True, size="small")
        self.tally = Tally(theme)
        policy = self.tally.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.tally.setSizePolicy(policy)
        self.list = list_of_rows(ScanRows(theme), "What the scan has found")
        self.list.setModel(self.model)
        self._hint = Hint(theme, "mdi6.radar")
        for button in (self.folder, self.cancel, self.start):
            self.head.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        self.cancel.hide()
        chips = FlowLayout()
        chips.addWidget(self.all_again)
        chips.addWidget(self.only_bad)
        status = QHBoxLayout()
        status.addWidget(self.now, 1)
        status.addWidget(self.amount)
        self._middle = QStackedLayout()
        self._middle.addWidget(self._hint)
        self._middle.addWidget(self.list)
        self.body.addWidget(self.tally)
        self.body.addLayout(chips)
        self.body.addWidget(self.line)
        self.body.addLayout(status)
        self.body.addLayout(self._middle, 1)
        self._flush = QTimer(self)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self._show_results)
        self.start.clicked.connect(lambda _: self.scan())
        self.folder.clicked.connect(self._choose_folder)
        self.cancel.clicked.connect(self._stop)
        self.only_bad.toggled.connect(self._show_only_bad)
        self.command.told.connect(self._on_told)
        self.command.said.connect(lambda text: self.now.show_text(text, "late"))
        self.command.ended.connect(self._on_ended)
        self._show_counts()
        self._show_middle()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """What the catalogue knows; a scan that runs has asked."""
        if not self._is_busy:
            self._desk.ask(AskCatalogue(), self._show_known, self._show_failure)

    @property
    def _is_busy(self) -> bool:
        return self.command.is_running or self._is_waiting

    def _show_known(self, reply: Catalogue) -> None:
        self.model.show_known(_result_of(entry) for entry in reply.entries if entry.format != _OWN)
        self._show_counts()
        self._show_middle()
        if self._has_scanned and not self._is_busy:
            self.now.show_text(self._summary(), "text")

    def _show_failure(self, reason: str) -> None:
        if not self.model.results:
            self._hint.show_hint("The catalogue cannot be read", reason)

    def scan(self, *places: str) -> None:
        """`places`: folders or files; none: where plugins are installed."""
        if self._is_busy:
            return
        self._known = None
        self._is_waiting, self._has_scanned = True, False
        self._new, self._probed, self._files = 0, 0, 1
        self.model.clear()
        self._show_counts()
        self.line.begin()
        self.amount.show_text("")
        self.now.show_text("looking for plugins…", "text_dim")
        self._middle.setCurrentWidget(self.list)
        self._show_running(True)
        words = [*(["--force"] if self.all_again.isChecked() else []), "--", *places]

        def begin() -> None:
            if not self._is_waiting:
                return  # cancelled
            self._is_waiting = False
            self.command.start(self._desk.state.command, "scan", "--progress", "json", *words)

        def answered(reply: Catalogue) -> None:
            # What is new is known by what was known before; without the answer, nothing is.
            self._known = frozenset(entry.id for entry in reply.entries)
            self._show_known(reply)
            self._middle.setCurrentWidget(self.list)
            begin()

        self._desk.ask(AskCatalogue(), answered, lambda _: begin())

    def close_commands(self) -> None:
        """When the window goes: waits some seconds at most until the scan has ended."""
        self.command.close()

    # ------------------------------------------------------------------ while it runs

    def _on_told(self, event: ScanEvent) -> None:
        match event:
            case Looking():
                self._files = event.files
                self.now.show_text(f"looking at {event.files:,} files…", "text_dim")
            case Resuming():
                self.now.show_text("going on with the scan that was cut short", "text_dim")
            case Probing():
                self.now.show_text(event.what, "text_dim")
            case Count():
                self.line.show_count(event.done, event.total)
                self.amount.show_text(f"{event.done:,} of about {event.total:,}")
            case Warned():
                self.now.show_text(event.text, "late")
            case Result():
                is_new = self._known is not None and event.id not in self._known
                self._probed += event.was_run
                self._new += is_new
                self.model.add(event, is_new=is_new)

    def _show_results(self) -> None:
        self.model.flush()
        self._show_counts()

    def _show_counts(self) -> None:
        results = self.model.results
        usable = sum(result.status in FINE for result in results)
        self.tally.setVisible(bool(results) or self.command.is_running)
        self.tally.show_counts({_FOUND: usable, _FAILED: len(results) - usable, _NEW: self._new})

    def _show_only_bad(self, only_bad: bool) -> None:
        self.model.show_only_bad(only_bad)
        self._show_middle()

    def _show_middle(self) -> None:
        """The list, or why there is none."""
        if not self.model.results:
            self._hint.show_hint(*(_NONE_FOUND if self._has_scanned else _NEVER))
        elif not self.model.rowCount():
            self._hint.show_hint(*_NOTHING_WRONG)
        is_empty = not self.model.rowCount() and not self._is_busy
        self._middle.setCurrentWidget(self._hint if is_empty else self.list)

    def _on_ended(self, ended: Ended) -> None:
        self._show_results()
        self._show_running(False)
        if ended.cancelled:
            self.line.end("bypassed")
            self.now.show_text("cancelled; the next scan goes on from here", "text_dim")
        elif ended.code == 0:
            self.line.show_count(1, 1)
            self.line.end("active")
            self._has_scanned = True
            self.now.show_text(self._summary(), "text")
            self.amount.show_text("")
        else:
            self.line.end("failed")
            reason = ended.problem or "it was killed"
            self.now.show_text(f"the scan has failed: {reason}", "failed")
        self._show_middle()
        self.refresh()  # what is gone is known now
        if self._probed or ended.code == 0:
            self.catalogue_changed.emit()

    def _summary(self) -> str:
        total = len(self.model.results)
        if not self._files:
            return "done: there are no plugins in that place"
        if not self._probed:
            return f"done: {total:,} plugins, none of them new or changed"
        return f"done: {total:,} plugins, {self._probed:,} of them tried now"

    def _show_running(self, running: bool) -> None:
        self.start.setVisible(not running)
        self.folder.setVisible(not running)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(True)
        self.all_again.setEnabled(not running)
        if running:
            self._flush.start()
        else:
            self._flush.stop()

    # ------------------------------------------------------------------ what the user does

    def _stop(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._on_ended(Ended(None, True, b"", ""))
            return
        self.cancel.setEnabled(False)
        self.now.show_text("stopping…", "text_dim")
        self.command.cancel()

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Scan a folder", str(Path.home()))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.scan)
        dialog.open()


def _result_of(entry: CatalogueEntry) -> Result:
    return Result(
        id=entry.id,
        status=entry.status,
        name=entry.name,
        vendor=entry.vendor,
        format=entry.format,
        kind=entry.kind,
        detail=entry.note,
        was_run=False,
    )
