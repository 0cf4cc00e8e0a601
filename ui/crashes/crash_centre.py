# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of crash reports: which there are, one of them in full, and what can be done."""

from PyQt6.QtCore import QModelIndex, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSplitter,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.requests import AskCrashes, Crashes, CrashText, ShowCrash
from ipc.desk.state import CrashEntry, DeskState, Notice
from ui.controls.elided import ElidedText
from ui.controls.search import make_clearable
from ui.controls.tip import plain_tip
from ui.crashes.actions import CrashActions
from ui.crashes.crash_model import CrashModel
from ui.crashes.crash_rows import CrashRows
from ui.crashes.faults import done_about, fault_mark, local_time, place_of, plugin_title
from ui.crashes.replay import ReplayDrawer
from ui.crashes.report_text import ReportText
from ui.desk import Desk
from ui.pages.command import Command, Ended
from ui.pages.parts.buttons import Segments
from ui.pages.parts.hint import Hint
from ui.pages.parts.mark import MarkLight
from ui.pages.parts.rows import list_of_rows
from ui.pages.parts.sheet import dress
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_SONG, _ALL = 0, 1
_SETTLE_MS = 250  # several plugins that share a process die together


class CrashCentre(QWidget):
    """It asks for reports when it is first seen, and whenever the host tells of another one."""

    stress_wanted = pyqtSignal(str)  # a plugin's id
    told = pyqtSignal(str)  # what came of something, for people: for the window's notices

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self._theme = theme
        self._entry: CrashEntry | None = None  # that is shown
        self._wanted = ""  # to be shown once it is known
        self._was_seen = False
        self._is_asked = self._is_old = False
        self.export = Command(parent=self)
        self.export.ended.connect(self._on_exported)
        self._export_file = ""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self.model = CrashModel(self)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(8)
        split.addWidget(self._make_list())
        split.addWidget(self._make_report())
        split.setStretchFactor(1, 1)
        split.setSizes([230, 530])
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(split)
        dress(self, theme)
        desk.happened.connect(self._on_happened)
        desk.shown.connect(self._on_shown)
        self._show_entry(None)

    def sizeHint(self) -> QSize:
        return QSize(440, 760)

    def _make_list(self) -> QWidget:
        theme = self._theme
        self.scope = Segments(theme, "Whose reports", ("This song", "All plugins"))
        self.scope.choose(_ALL)
        self.scope.chosen.connect(lambda _: self._filter())
        self.search = QLineEdit()
        self.search.setObjectName("search")
        self.search.setPlaceholderText("Search reports")
        self.search.setAccessibleName("Search reports")
        make_clearable(self.search)
        self.search.textChanged.connect(lambda _: self._filter())
        self.list = list_of_rows(CrashRows(theme, self._desk), "Crash reports")
        self.list.setModel(self.model)
        selection = self.list.selectionModel()
        assert selection is not None
        selection.currentChanged.connect(self._on_chosen)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.scope)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        side.setMinimumHeight(140)
        return side

    def _make_report(self) -> QWidget:
        theme = self._theme
        self.hint = Hint(theme, "mdi6.shield-check-outline")
        self._light = MarkLight(theme, size=26)
        self._title = ElidedText(theme, size="large", bold=True)
        self._what = ElidedText(theme, colour="text_dim")
        self._signature = Words(theme, colour="text_dim", size="small", figures=True,
                                selectable=True)  # fmt: skip
        self._signature.setToolTip("The same bug has the same signature")
        self.acts = CrashActions(self._desk, theme)
        self.acts.replay_wanted.connect(self._replay)
        self.acts.export_wanted.connect(self._choose_file)
        self.acts.stress_wanted.connect(
            lambda: self.stress_wanted.emit(self._entry.plugin if self._entry else "")
        )
        self.acts.forgiven.connect(self.refresh)
        self.text = ReportText(theme, "The report")
        self.drawer = ReplayDrawer(theme)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._title)
        names.addWidget(self._what)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._light)
        head.addLayout(names, 1)
        head.addWidget(self._signature)
        report = QWidget()
        column = QVBoxLayout(report)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.acts)
        column.addWidget(self.text, 1)
        column.addWidget(self.drawer)
        self._report = report
        side = QWidget()
        self._side = QStackedLayout(side)
        self._side.addWidget(self.hint)
        self._side.addWidget(report)
        return side

    # ------------------------------------------------------------------ reports

    def refresh(self) -> None:
        """Asks for the list; once more if it has become old meanwhile."""
        self._is_old = self._is_asked
        if not self._is_asked:
            self._is_asked = True
            self._desk.ask(AskCrashes(), self._show, self._show_failure)

    def show_report(self, report: str) -> None:
        """Chooses it, whatever the filters; it may be so new that it is not in the list yet."""
        self._wanted = report
        self.search.clear()
        if not self.model.knows(report):
            self.refresh()
        self._choose_wanted()

    def close_commands(self) -> None:
        """When the window goes: waits some seconds at most until those that run have ended."""
        self.drawer.command.close()
        self.export.close()

    def _show(self, reply: Crashes) -> None:
        self._is_asked = False
        shown = self._entry
        self.model.show_entries(reply.crashes)
        self._keep(shown)
        self._choose_wanted()
        if self._is_old:
            self.refresh()

    def _show_failure(self, reason: str) -> None:
        self._is_asked = False
        if not self.model.total:
            self.hint.show_hint("Reports cannot be read", reason)

    def _filter(self) -> None:
        shown = self._entry
        plugins = _plugins_of(self._desk.state) if self.scope.place == _SONG else None
        self.model.show_only(plugins, self.search.text())
        self._keep(shown)

    def _keep(self, entry: CrashEntry | None) -> None:
        """What was chosen stays so where it is still shown; else the newest is."""
        row = self.model.row_of(entry.id) if entry is not None else -1
        if self.model.rowCount() == 0:
            self._show_entry(None)
        else:
            self.list.setCurrentIndex(self.model.index(max(row, 0)))

    def _choose_wanted(self) -> None:
        if not self._wanted or not self.model.knows(self._wanted):
            return
        if self.model.row_of(self._wanted) < 0:
            self.scope.choose(_ALL)
            self._filter()
        index = self.model.index(self.model.row_of(self._wanted))
        self._wanted = ""
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index)

    def _on_chosen(self, now: QModelIndex, _: QModelIndex) -> None:
        entry = self.model.entry(now)
        if entry is not None:
            self._show_entry(entry)

    def _show_entry(self, entry: CrashEntry | None) -> None:
        is_other = entry is None or self._entry is None or entry.id != self._entry.id
        self._entry = entry
        if entry is None:
            self._show_nothing()
            return
        self._side.setCurrentWidget(self._report)
        mark, title = fault_mark(entry.kind), plugin_title(entry.plugin, self._desk.state)
        self._light.show_mark(mark)
        self._title.show_text(title)
        self._title.setToolTip(plain_tip(entry.plugin))
        when = local_time(entry.time)
        parts = (
            ", ".join(filter(None, (mark.word, done_about(entry)))),
            f"{when:%A} {when.day} {when:%B %Y, %H:%M:%S}" if when else entry.time,
            place_of(entry, self._desk.state),
        )
        self._what.show_text("  ·  ".join(filter(None, parts)), "text_dim")
        self._signature.show_text(entry.signature)
        self.acts.show_entry(entry)
        if is_other:
            self.text.show_text("")
            self._desk.ask(ShowCrash(entry.id), lambda reply: self._show_text(entry.id, reply))

    def _show_text(self, report: str, reply: CrashText) -> None:
        if self._entry is not None and self._entry.id == report:
            self.text.show_text(reply.text)

    def _show_nothing(self) -> None:
        self._side.setCurrentWidget(self.hint)
        if self.model.total:
            self.hint.show_hint("None of these", "No report passes the filters.")
        else:
            self.hint.show_hint(
                "Nothing has crashed",
                "When a plugin fails, the music plays on, and here is what happened to it.",
            )

    # ------------------------------------------------------------------ what happens

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._was_seen:
            self._was_seen = True
            self.refresh()

    def _on_happened(self, notices: tuple[Notice, ...]) -> None:
        if self._was_seen and any(notice.report for notice in notices):
            self._settle.start()

    def _on_shown(self, state: DeskState) -> None:
        if self.scope.place == _SONG:
            self._filter()

    # ------------------------------------------------------------------ commands

    def _replay(self) -> None:
        if self._entry is not None:
            title = plugin_title(self._entry.plugin, self._desk.state)
            self.drawer.replay(self._desk.state.command, self._entry.id, title)

    def _choose_file(self) -> None:
        if self._entry is None:
            return
        report = self._entry.id
        dialog = QFileDialog(self, "Export a crash report", f"{report}.json", "JSON (*.json)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile(f"crash-{report}.json")
        dialog.fileSelected.connect(lambda path: self.export_to(report, path))
        dialog.open()

    def export_to(self, report: str, path: str) -> None:
        """Replaces the file: the dialog has asked."""
        if not self.export.is_running:
            self._export_file = path
            words = ("crashes", "export", report, "--output", path, "--force")
            self.export.start(self._desk.state.command, *words)

    def _on_exported(self, ended: Ended) -> None:
        if ended.code == 0:
            self.told.emit(f"The report is in {self._export_file}")
        else:
            self.told.emit(f"The report could not be exported: {ended.problem}")


def _plugins_of(state: DeskState) -> frozenset[str]:
    every = (*state.tracks, state.master)
    return frozenset(slot.plugin for track in every for slot in track.slots)
