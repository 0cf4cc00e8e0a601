# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of sound and notes: heard by a click, and dragged onto tracks."""

import os
from pathlib import Path

from PyQt6.QtCore import QDir, QFileInfo, QModelIndex, QStandardPaths, Qt, pyqtSignal
from PyQt6.QtGui import (
    QAbstractFileIconProvider,
    QFileSystemModel,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QShortcut,
)
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QStackedLayout,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.state import DeskState
from ui.browser.preview import FilePreview
from ui.controls.elided import ElidedText
from ui.desk import Desk
from ui.pages.parts.buttons import Chip
from ui.pages.parts.hint import Hint
from ui.theme.theme import Theme

MIDI = ("mid", "midi", "smf")
AUDIO = (
    "wav",
    "wave",
    "flac",
    "ogg",
    "oga",
    "opus",
    "mp3",
    "aif",
    "aiff",
    "aifc",
    "au",
    "caf",
    "w64",
)


class _Icons(QAbstractFileIconProvider):
    """By what a file is to us."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._folder = theme.icon("mdi6.folder", "text_faint")
        self._audio = theme.icon("mdi6.waveform", "accent")
        self._midi = theme.icon("mdi6.music-note", "standby")

    def icon(self, what: QFileInfo | QAbstractFileIconProvider.IconType) -> QIcon:
        if not isinstance(what, QFileInfo) or what.isDir():
            return self._folder
        return self._midi if what.suffix().lower() in MIDI else self._audio


class FileTree(QTreeView):
    chosen = pyqtSignal(QModelIndex)
    heard = pyqtSignal(QModelIndex)  # clicked: without a drag, and on nothing but it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed = QModelIndex()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        plain = (
            event.button() == Qt.MouseButton.LeftButton
            and event.modifiers() == Qt.KeyboardModifier.NoModifier
        )
        self._pressed = self.indexAt(event.pos()) if plain else QModelIndex()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        super().mouseReleaseEvent(event)
        if self._pressed.isValid() and self.indexAt(event.pos()) == self._pressed:
            self.heard.emit(self._pressed)
        self._pressed = QModelIndex()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self._pressed = QModelIndex()
        super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.setExpanded(self.currentIndex(), not self.isExpanded(self.currentIndex()))
            self.chosen.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Space:
            event.ignore()
        else:
            super().keyPressEvent(event)


class FileTab(QWidget):
    """A tree below one of some places. Qt reads folders in a thread of its own."""

    file_chosen = pyqtSignal(str)

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._song_folder = ""
        self.files = QFileSystemModel(self)
        self.files.setFilter(QDir.Filter.AllDirs | QDir.Filter.Files | QDir.Filter.NoDotAndDotDot)
        self.files.setNameFilters(
            [f"*.{suffix}" for suffix in (*AUDIO, *MIDI)]  # in any case, unless told otherwise
        )
        self.files.setNameFilterDisables(False)
        self.files.setReadOnly(True)
        self._icons = _Icons(theme)
        self.files.setIconProvider(self._icons)
        self.tree = FileTree()
        self.tree.setAccessibleName("Files")
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setModel(self.files)
        self.tree.setHeaderHidden(True)
        for place in range(1, self.files.columnCount()):
            self.tree.hideColumn(place)
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(16)
        self.tree.setDragEnabled(True)
        self.tree.setDragDropMode(QTreeView.DragDropMode.DragOnly)
        self.tree.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        self.tree.setExpandsOnDoubleClick(True)
        self.tree.doubleClicked.connect(self._choose)
        self.tree.chosen.connect(self._choose)
        self.tree.heard.connect(self._hear)
        self.hint = Hint(theme, "mdi6.folder-outline")
        self.hint.show_hint("Nothing to hear here", "No folders, and no audio or MIDI files.")
        self._middle = QStackedLayout()
        self._middle.addWidget(self.tree)
        self._middle.addWidget(self.hint)
        self._read: set[str] = set()  # folders
        self.files.directoryLoaded.connect(self._on_read)
        self.files.rowsInserted.connect(lambda *_: self._show_if_empty())
        self.files.rowsRemoved.connect(lambda *_: self._show_if_empty())
        self.preview = FilePreview(desk, theme)
        self._hush = QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.preview.stop)
        self._hush.setContext(Qt.ShortcutContext.WindowShortcut)
        self._hush.setEnabled(False)  # Escape is others' while nothing is heard
        self.preview.changed.connect(lambda: self._hush.setEnabled(self.preview.is_heard))
        self._where = ElidedText(theme, colour="text_faint", size="tiny")
        self._home = Chip(theme, "Home", "Your own folder", "mdi6.home")
        self._music = Chip(theme, "Music", "The folder for music", "mdi6.music")
        self._song = Chip(theme, "Song", "Where the song's file is", "mdi6.folder-music")
        self._all = Chip(theme, "/", "All of this machine")
        row = QHBoxLayout()
        row.setSpacing(4)
        for chip, folder in (
            (self._home, QDir.homePath()),
            (self._music, _music_folder()),
            (self._song, ""),
            (self._all, "/"),
        ):
            row.addWidget(chip)
            chip.clicked.connect(
                lambda _, folder=folder: self.show_folder(folder or self._song_folder)
            )
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._where)
        column.addLayout(self._middle, 1)
        column.addWidget(self.preview)
        self._music.setVisible(bool(_music_folder()))
        self._song.hide()
        self.show_folder(QDir.homePath())
        desk.shown.connect(self._on_shown)
        self._on_shown(desk.state)
        theme.changed.connect(self._dress)

    def show_folder(self, folder: str) -> None:
        """From there on down."""
        self.tree.setRootIndex(self.files.setRootPath(folder))
        self._where.show_text(folder, "text_faint")
        for chip, place in (
            (self._home, QDir.homePath()),
            (self._music, _music_folder()),
            (self._song, self._song_folder),
            (self._all, "/"),
        ):
            chip.show_checked(place == folder)

        self._show_if_empty()

    def _on_read(self, folder: str) -> None:
        self._read.add(folder)
        self._show_if_empty()

    def _show_if_empty(self) -> None:
        """A folder that was read and has nothing for us is no blank box."""
        is_read = self.files.rootPath() in self._read
        is_empty = is_read and self.files.rowCount(self.tree.rootIndex()) == 0
        self._middle.setCurrentWidget(self.hint if is_empty else self.tree)

    def _on_shown(self, state: DeskState) -> None:
        folder = os.path.dirname(state.path)
        if folder != self._song_folder:
            self._song_folder = folder
            self._song.setVisible(bool(folder))

    def _hear(self, index: QModelIndex) -> None:
        if index.isValid() and not self.files.isDir(index):
            self.preview.toggle(self.files.filePath(index))

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid() and not self.files.isDir(index):
            self.preview.stop()
            self.file_chosen.emit(self.files.filePath(index))

    def _dress(self) -> None:
        self._icons = _Icons(self._theme)
        self.files.setIconProvider(self._icons)


def _music_folder() -> str:
    """ "" if there is none beside the home folder."""
    where = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
    return where if where and where != QDir.homePath() and Path(where).is_dir() else ""
