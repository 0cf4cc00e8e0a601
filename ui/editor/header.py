# SPDX-License-Identifier: GPL-3.0-or-later
"""What plugin it is, how it is doing, and how to take it out of the sound or start it again."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from ipc.description import PluginDescription
from ipc.desk.state import SlotState, TrackState
from ipc.status import SlotStatus
from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.mixer.light import WORDS, StateLight
from ui.theme.theme import Theme

_TROUBLED = (SlotStatus.QUARANTINED, SlotStatus.FAILED)


class Header(QFrame):
    bypass_wanted = pyqtSignal(bool)
    own_window_wanted = pyqtSignal()
    restart_wanted = pyqtSignal(int)  # with which good state; 0 is the newest
    report_wanted = pyqtSignal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("editorHeader")
        self._snapshots = 0
        self._light = StateLight(theme)
        self._name = ElidedText(theme, size="large", bold=True)
        self._about = ElidedText(theme, size="small", colour="text_dim")
        self.bypass = Button(
            theme, "Bypass", icon="mdi6.power", checkable=True, checked_colour="bypassed"
        )
        self.restart = Button(theme, "Restart the plugin", icon="mdi6.restart")
        self.own_window = Button(
            theme,
            "Own window",
            icon="mdi6.application-outline",
            checkable=True,
            checked_colour="accent",
        )
        self.own_window.setObjectName("ownWindow")
        self.own_window.clicked.connect(self._on_own_window)
        self.bypass.clicked.connect(self._on_bypass)
        self.restart.clicked.connect(self._on_restart)
        for button in (self.own_window, self.bypass, self.restart):
            button.setFixedSize(34, 30)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._name)
        names.addWidget(self._about)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 9, 12, 9)
        row.setSpacing(8)
        row.addWidget(self._light)
        row.addLayout(names, 1)
        row.addWidget(self.own_window)
        row.addWidget(self.bypass)
        row.addWidget(self.restart)

    def show_plugin(self, description: PluginDescription | None, plugin: str) -> None:
        if description is None:
            kind, _, rest = plugin.partition(":")
            self._about.show_text(f"{kind.upper()} · {rest}", "text_dim")
            self._about.setToolTip(plain_tip(plugin))
            return
        parts = [description.vendor, description.format.upper(), description.category]
        self._about.show_text(" · ".join(part for part in parts if part), "text_dim")
        lines = [f"{description.name} {description.version}".strip(), plugin, *description.remarks]
        self._about.setToolTip(plain_tip("\n".join(lines)))

    def show_slot(self, slot: SlotState, track: TrackState) -> None:
        self._name.show_text(slot.name)
        self._light.show_status(slot.status)
        words = WORDS[slot.status]
        self._light.setAccessibleName(words)
        self._name.setToolTip(plain_tip(f"{slot.name} on {track.name}: {words}"))
        self.bypass.show_checked(slot.bypassed)
        self.bypass.setToolTip("Hear it again" if slot.bypassed else "Bypass: hear it without")
        self.own_window.setVisible(slot.window != "none")
        self.own_window.show_checked(slot.window in ("opening", "open"))
        self.own_window.setToolTip(
            "The plugin's own window is open: bring it to the front"
            if slot.window == "open"
            else "The plugin's own window"
        )
        self.setEnabled(True)

    def show_snapshots(self, count: int) -> None:
        self._snapshots = count

    def show_gone(self) -> None:
        self.setEnabled(False)
        self._light.show_status(SlotStatus.FAILED)

    def _on_bypass(self) -> None:
        """A click asks; only the host's answer shows."""
        wanted = self.bypass.isChecked()
        self.bypass.setChecked(not wanted)
        self.bypass_wanted.emit(wanted)

    def _on_own_window(self) -> None:
        self.own_window.setChecked(not self.own_window.isChecked())
        self.own_window_wanted.emit()

    def _on_restart(self) -> None:
        if self._snapshots < 2:
            self.restart_wanted.emit(0)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number in range(self._snapshots):
            text = "Restart as it was" if number == 0 else f"Restart {number + 1} good states back"
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(lambda _, number=number: self.restart_wanted.emit(number))
        menu.popup(self.restart.mapToGlobal(self.restart.rect().bottomLeft()))


class Trouble(QFrame):
    """A calm line when the plugin does not play, with what can be done about it."""

    restart_wanted = pyqtSignal()
    report_wanted = pyqtSignal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trouble")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._report = ""
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self.restart = Button(theme, "Restart the plugin", text="Restart")
        self.report = Button(theme, "Show the crash report", text="Report…")
        self.restart.clicked.connect(self.restart_wanted)
        self.report.clicked.connect(lambda: self.report_wanted.emit(self._report))
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 12, 8)
        row.addWidget(self._words, 1)
        row.addWidget(self.report)
        row.addWidget(self.restart)
        self.hide()

    @property
    def words(self) -> str:
        """ "" if all is well."""
        return "" if self.isHidden() else self._words.text()

    def show_slot(self, slot: SlotState) -> None:
        reason = f" {slot.reason[:1].upper()}{slot.reason[1:]}." if slot.reason else ""
        text = {
            SlotStatus.QUARANTINED: "This plugin failed too often and was set aside.",
            SlotStatus.FAILED: "This plugin could not be loaded.",
            SlotStatus.RESTARTING: "This plugin is being started again; its settings are kept.",
            SlotStatus.STANDBY: "Its standby plays while it is being started again.",
            SlotStatus.LATE: "This plugin is too slow just now; the sound passes it by.",
        }.get(slot.status, "")
        if slot.status not in _TROUBLED:
            reason = ""
        elif text:
            reason += " The sound goes on without it."
        self._show(text, reason.replace("..", "."), slot.report or "")
        self.restart.setVisible(slot.status in _TROUBLED)
        self._mark(slot.status in _TROUBLED)

    def show_gone(self) -> None:
        self._show("This plugin is no longer in the song.", " Undo may bring it back.", "")
        self.restart.hide()
        self._mark(False)

    def _show(self, text: str, more: str, report: str) -> None:
        self._report = report
        self._words.setText(text + more)
        self.setAccessibleName(text + more)
        self.report.setVisible(bool(report))
        self.setVisible(bool(text))

    def _mark(self, grave: bool) -> None:
        if self.property("grave") != grave:
            self.setProperty("grave", grave)
            if (style := self.style()) is not None:
                style.unpolish(self)
                style.polish(self)
