# SPDX-License-Identifier: GPL-3.0-or-later
"""New, open, save, and the one question before unsaved work is given up.

The files are the host's to read and write; the window only asks which. No dialog is waited for.
"""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QMessageBox, QWidget

from ipc.desk.requests import OpenSong, Save
from ui.desk import Desk

_FILTER = "Songs (*.json)"
_MEDIA = "Audio and MIDI (*.wav *.flac *.ogg *.aiff *.aif *.mp3 *.mid *.midi);;All files (*)"

_DIALOG = QSize(880, 540)  # where dates and sizes can be read

Then = Callable[[], None]


class SongFiles(QObject):
    """`window`: over which the dialogs stand."""

    opened = pyqtSignal()  # another song, or an empty one, took the place of the last

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self._window = window
        self.question: QMessageBox | None = None  # while it is asked

    def new(self) -> None:
        self.leave(lambda: self.open_path(""))

    def open(self) -> None:
        self.leave(lambda: self._ask_which("Open a song", _FILTER, self.open_path))

    def open_path(self, path: str) -> None:
        """ "": an empty song."""
        self._desk.ask(OpenSong(path), lambda _: self.opened.emit())

    def save(self, then: Then = lambda: None) -> None:
        """To its own file, or as the user says if it has none."""
        if self._desk.state.path:
            self._desk.ask(Save(), lambda _: then())
        else:
            self.save_as(then)

    def save_as(self, then: Then = lambda: None) -> None:
        def save_to(path: str) -> None:
            self._desk.ask(Save(path), lambda _: then())

        dialog = self._dialog("Save the song", _FILTER, save_to)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile(self._desk.state.path or f"{self._desk.state.song or 'song'}.json")
        dialog.open()

    def ask_for_media(self, title: str, on_path: Callable[[str], None]) -> None:
        """A file that a track could play."""
        self._ask_which(title, _MEDIA, on_path)

    def leave(self, then: Then) -> None:
        """Goes on with `then` when nothing would be lost, or the user has said so."""
        if not self._desk.state.is_modified or self._desk.is_lost:
            then()
            return
        if self.question is not None:
            self.question.raise_()
            return
        button = QMessageBox.StandardButton
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.NoIcon)
        question.setWindowTitle("Unsaved work")
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.setText(f"Save the changes of “{self._desk.state.song or 'Untitled'}”?")
        question.setInformativeText("They are lost if you do not save them.")
        question.setStandardButtons(button.Save | button.Discard | button.Cancel)
        question.setDefaultButton(button.Save)

        def answered(_: int) -> None:
            chosen = question.standardButton(question.clickedButton())
            self.question = None
            question.deleteLater()
            if chosen == button.Save:
                self.save(then)
            elif chosen == button.Discard:
                then()

        question.finished.connect(answered)
        self.question = question
        question.open()

    def _ask_which(self, title: str, kinds: str, on_path: Callable[[str], None]) -> None:
        dialog = self._dialog(title, kinds, on_path)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.open()

    def _dialog(self, title: str, kinds: str, on_path: Callable[[str], None]) -> QFileDialog:
        dialog = QFileDialog(self._window, title)
        dialog.setNameFilters(kinds.split(";;"))
        dialog.resize(_DIALOG)
        if self._desk.state.path:
            dialog.setDirectory(str(Path(self._desk.state.path).parent))
        dialog.fileSelected.connect(on_path)
        dialog.finished.connect(dialog.deleteLater)
        return dialog
