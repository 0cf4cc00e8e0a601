# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page: what works on this machine, and how to begin."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QShowEvent
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.state import DeskState
from ui.desk import Desk
from ui.pages.command import Command, Ended
from ui.pages.machine import MachineLine, lines_of, read_doctor
from ui.pages.parts.buttons import Action
from ui.pages.parts.folding import Folding
from ui.pages.parts.mark import MarkLight
from ui.pages.parts.page import Page
from ui.pages.parts.progress_line import ProgressLine
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_MOST_WIDTH = 1180
_HALF_WIDTH = 480  # from twice that on, the machine stands beside the keys and not below
_TILE_WIDTH = 220
_DEMO_SONG = "isobooth-demo.json"


class Tile(QPushButton):
    """A large key: an icon, what it does, and what for."""

    def __init__(self, theme: Theme, icon: str, title: str, text: str) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._theme = theme
        self._icon = icon
        self._picture = QLabel()
        self._picture.setFixedSize(30, 30)
        self.text_line = Words(theme, text, colour="text_dim", size="small", wraps=True)
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addStretch(1)
        names.addWidget(Words(theme, title, size="large", bold=True))
        names.addWidget(self.text_line)
        names.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(14)
        row.addWidget(self._picture)
        row.addLayout(names, 1)
        for label in self.findChildren(QLabel):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme.changed.connect(self._dress)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(_TILE_WIDTH, 76)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Space:
            event.ignore()  # plays and stops, everywhere in the window
        else:
            super().keyPressEvent(event)

    def _dress(self) -> None:
        icon = self._theme.icon(self._icon, "accent")
        self._picture.setPixmap(icon.pixmap(QSize(30, 30), self.devicePixelRatioF()))


class WelcomePage(Page):
    """`data`: where the demo song is kept; None: the user's folder for data."""

    song_chosen = pyqtSignal(str)  # a song's file to open
    scan_wanted = pyqtSignal()
    open_wanted = pyqtSignal()  # ask for a song's file
    empty_wanted = pyqtSignal()
    back_wanted = pyqtSignal()  # to the song that is open

    def __init__(
        self, desk: Desk, theme: Theme, data: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            theme,
            "Isobooth",
            "Every plugin plays in a process of its own. When one crashes, the music goes on.",
            parent,
            most_width=_MOST_WIDTH,
        )
        self._desk = desk
        self._data = data or _data_folder()
        self._was_seen = False
        self.doctor = Command(parent=self)
        self.doctor.ended.connect(self._on_examined)
        self.demo = Command(parent=self)
        self.demo.ended.connect(self._on_demo_made)
        self.tiles = {
            "demo": Tile(
                theme, "mdi6.play-circle-outline", "Play the demo song",
                "Drums, bass and keys through real plugins",
            ),
            "scan": Tile(
                theme, "mdi6.radar", "Scan for plugins", "Find what is installed, and what works"
            ),
            "open": Tile(theme, "mdi6.folder-open-outline", "Open a song…", "Go on with your work"),
            "empty": Tile(
                theme, "mdi6.plus-circle-outline", "Start empty", "A song without tracks"
            ),
        }  # fmt: skip
        self.tiles["demo"].clicked.connect(self.open_demo)
        self.tiles["scan"].clicked.connect(self.scan_wanted)
        self.tiles["open"].clicked.connect(self.open_wanted)
        self.tiles["empty"].clicked.connect(self.empty_wanted)
        self.back = Action(
            theme, "Back to the song", "mdi6.arrow-left", "The song that is open, as it is"
        )
        self.back.clicked.connect(self.back_wanted)
        # At the left, which is in sight however narrow the page is.
        self.body.addWidget(self.back, alignment=Qt.AlignmentFlag.AlignLeft)
        desk.shown.connect(self._show_state)
        self._show_state(desk.state)
        keys = Folding(self.tiles.values(), columns=2, least_width=_TILE_WIDTH, gap=12)
        begin = _below_each_other(keys, self._make_demo())
        machine = _below_each_other(
            Words(theme, "This machine", colour="text_dim", bold=True), self._make_machine()
        )
        self.body.addWidget(Folding((begin, machine), columns=2, least_width=_HALF_WIDTH, gap=20))
        self.body.addStretch(1)
        self.examine_soon("looking…")

    def _show_state(self, state: DeskState) -> None:
        self.back.setVisible(bool(state.tracks or state.path))

    def _make_demo(self) -> QWidget:
        theme = self.theme
        self.making = QFrame()
        self.making.setObjectName("card")
        self._demo_words = Words(theme, wraps=True)
        self._demo_line = ProgressLine(theme)
        self._demo_cancel = Action(theme, "Cancel", "mdi6.stop", "Stop making the demo song")
        self._demo_cancel.clicked.connect(self._stop_demo)
        names = QVBoxLayout()
        names.setSpacing(7)
        names.addWidget(self._demo_words)
        names.addWidget(self._demo_line)
        row = QHBoxLayout(self.making)
        row.setContentsMargins(14, 10, 10, 10)
        row.setSpacing(14)
        row.addLayout(names, 1)
        row.addWidget(self._demo_cancel)
        self.making.hide()
        return self.making

    def _make_machine(self) -> QWidget:
        card = QFrame()
        card.setObjectName("card")
        self._lines = QVBoxLayout(card)
        self._lines.setContentsMargins(16, 12, 16, 12)
        self._lines.setSpacing(10)
        return card

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._was_seen and self._desk.state.command:
            self._was_seen = True
            self.examine()

    def close_commands(self) -> None:
        """When the window goes: waits some seconds at most until those that run have ended."""
        self.doctor.close()
        self.demo.close()

    # ------------------------------------------------------------------ this machine

    def examine(self) -> None:
        """Looks at the machine (again)."""
        self.doctor.start(self._desk.state.command, "doctor", "--json")

    def examine_soon(self, text: str) -> None:
        self._show_lines([MachineLine("running", "This machine", text)])

    def _on_examined(self, ended: Ended) -> None:
        # It exits with 3 where something is missing, and prints all the same.
        try:
            found = read_doctor(ended.output)
        except msgspec.DecodeError:
            reason = ended.problem or "it said nothing that can be read"
            self._show_lines([MachineLine("error", "This machine", f"not examined: {reason}")])
            return
        self._show_lines(lines_of(found))

    @property
    def machine_lines(self) -> Sequence[MachineLine]:
        return self._shown_lines

    def _show_lines(self, lines: Sequence[MachineLine]) -> None:
        self._shown_lines = lines
        while (item := self._lines.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for line in lines:
            self._lines.addWidget(_Line(self.theme, line))

    # ------------------------------------------------------------------ the demo song

    @property
    def demo_song(self) -> Path:
        return self._data / "demo" / _DEMO_SONG

    def open_demo(self) -> None:
        """Makes it first, if it is not there."""
        if self.demo_song.is_file():
            self.song_chosen.emit(str(self.demo_song))
        elif not self.demo.is_running:
            self._demo_words.show_text("Making the demo song…", "text")
            self._demo_line.begin()
            self._demo_line.show()
            self._demo_cancel.setText("Cancel")
            self._demo_cancel.setEnabled(True)
            self.making.show()
            folder = str(self.demo_song.parent)
            self.demo.start(self._desk.state.command, "demo", "--song-only", "--out", folder)

    def _stop_demo(self) -> None:
        if self.demo.is_running:
            self._demo_cancel.setEnabled(False)
            self._demo_words.show_text("Stopping…")
            self.demo.cancel()
        else:
            self.making.hide()

    def _on_demo_made(self, ended: Ended) -> None:
        if ended.cancelled:
            self.making.hide()
        elif self.demo_song.is_file():
            self.making.hide()
            self.song_chosen.emit(str(self.demo_song))
        else:
            self._demo_line.hide()
            self._demo_words.show_text(f"The demo song cannot be made: {ended.problem}", "late")
            self._demo_cancel.setText("Close")


def _below_each_other(*widgets: QWidget) -> QWidget:
    held = QWidget()
    column = QVBoxLayout(held)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(12)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return held


class _Line(QWidget):
    """A mark, what it is about, what was found, and below it what to do."""

    def __init__(self, theme: Theme, line: MachineLine) -> None:
        super().__init__()
        light = MarkLight(theme, line.status, 16)
        name = Words(theme, line.name, bold=True)
        name.setFixedWidth(100)
        found = Words(theme, line.found, wraps=True, selectable=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(found)
        if line.advice:
            texts.addWidget(
                Words(
                    theme, line.advice, colour="text_dim", size="small", wraps=True, selectable=True
                )
            )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(light, alignment=top)
        row.addWidget(name, alignment=top)
        row.addLayout(texts, 1)


def _data_folder() -> Path:
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data else Path.home() / ".local" / "share"
    return base / "isobooth"
