# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that is heard: how it looks, how long it is, how far it has been heard."""

import os

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ipc.desk.meters import Meters
from ipc.desk.requests import Preview, Previewed, StopPreview
from ipc.desk.state import DeskState
from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.desk import Desk
from ui.pages.parts.words import Words
from ui.theme.theme import Theme
from ui.tracks.waveform import Content, Notes, Wave, content_of, notes_cover, wave_cover

_HEIGHT = 56
_BUCKETS = 1024


class Picture(QWidget):
    """A file from its start to its end, and what of it has been heard in another colour."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._content: Content | None = None
        self._frames = 1
        self._heard_px = 0
        self.position_frames = -1
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What the file holds")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(200, _HEIGHT)

    @property
    def content(self) -> Content | None:
        return self._content

    def show_content(self, content: Content | None, frames: int) -> None:
        self._content, self._frames = content, max(1, frames)
        self.show_position(-1)
        self.update()

    def show_position(self, frames: int) -> None:
        """-1: it is not heard."""
        self.position_frames = frames
        heard = round(max(0, frames) / self._frames * self.width())
        if heard != self._heard_px:
            self._heard_px = heard
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("well"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        if self._content is not None:
            heard = self._heard_px
            painter.drawImage(self.rect(), self._image("text_faint"))
            if heard > 0:
                painter.setClipRect(0, 0, heard, self.height())
                painter.drawImage(self.rect(), self._image("accent"))
                painter.setClipping(False)
                painter.fillRect(min(heard, self.width() - 1), 0, 1, self.height(),
                                 self._theme.colour("text"))  # fmt: skip
        painter.end()

    def _image(self, colour: str) -> QImage:
        ratio = self.devicePixelRatioF()
        width, height = max(1, round(self.width() * ratio)), round(self.height() * ratio)
        each = self._frames / width
        if isinstance(self._content, Wave):
            cover = wave_cover(self._content, 0, each, width, height)
        else:
            assert isinstance(self._content, Notes)
            cover = notes_cover(self._content, 0, each, width, height, ratio)
        image = QImage(cover.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
        rgb = QColor(self._theme.colour(colour)).rgba() & 0xFFFFFF
        image.setColorTable([(level << 24) | rgb for level in range(256)])
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


class FilePreview(QFrame):
    """`toggle` a file: it is heard over the song, until its end, another one, or a second time."""

    changed = pyqtSignal()  # what is heard, or whether anything is

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._desk = desk
        self._theme = theme
        self._asked = ""  # what will be heard, if it can be
        self._heard = ""  # as the host says
        self._shown = ""  # what the picture is of
        self._button = Button(theme, "Listen", icon="mdi6.play")
        self._button.setProperty("flat", True)
        self._button.clicked.connect(lambda: self.toggle(self._shown))
        self._name = ElidedText(theme, bold=True)
        self._facts = ElidedText(theme, colour="text_dim", size="tiny")
        self._problem = Words(theme, size="small", colour="failed", wraps=True)
        self.picture = Picture(theme)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._name)
        words.addWidget(self._facts)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._button)
        head.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.picture)
        column.addWidget(self._problem)
        self.hide()
        desk.shown.connect(self._on_shown)
        desk.lost.connect(lambda _: self._on_shown(DeskState()))

    @property
    def is_heard(self) -> bool:
        """Something is, or will be as soon as it has been read."""
        return bool(self._asked or self._heard)

    @property
    def problem(self) -> str:
        """Why the file cannot be heard."""
        return self._problem.text() if not self._problem.isHidden() else ""

    @property
    def facts(self) -> str:
        return self._facts.text

    def toggle(self, path: str) -> None:
        """Hears it; if it is heard, no more."""
        if path and path == (self._asked or self._heard):
            self.stop()
        elif path:
            self._begin(path)

    def stop(self) -> None:
        if self.is_heard:
            self._asked = ""
            self._desk.ask(StopPreview())
            self._show_button()

    def show_meters(self, meters: Meters) -> None:
        heard = self._heard and self._heard == self._shown
        self.picture.show_position(int(meters["preview_frames"]) if heard else -1)

    def _begin(self, path: str) -> None:
        self._asked = path
        if path != self._shown:
            self._shown = path
            self._name.show_text(os.path.basename(path))
            self._name.setToolTip(plain_tip(path))
            self._facts.show_text("…", "text_dim")
            self.picture.show_content(None, 1)
        self._problem.hide()
        self.picture.show()
        self.show()
        self._show_button()

        def arrived(reply: Previewed) -> None:
            if self._asked == path:
                self._asked = ""
            if self._shown == path:
                self.picture.show_content(content_of(reply.overview), reply.heard_frames)
                self._facts.show_text(facts_of(reply), "text_dim")
                self._facts.setToolTip(plain_tip(facts_of(reply)))
            self._show_button()

        def refused(reason: str) -> None:
            if self._asked == path:
                self._asked = ""
                self._facts.show_text("cannot be heard", "text_dim")
                self.picture.hide()
                self._problem.show_text(reason.removeprefix(f"{path}: "))
                self._problem.setToolTip(plain_tip(reason))
                self._problem.show()
            self._show_button()

        self._desk.ask(Preview(path, _BUCKETS), arrived, refused)

    def _on_shown(self, state: DeskState) -> None:
        if state.preview != self._heard:
            self._heard = state.preview
            self._show_button()

    def _show_button(self) -> None:
        heard = self._shown != "" and self._shown == (self._asked or self._heard)
        self._button.show_icon("mdi6.stop" if heard else "mdi6.play")
        self._button.setAccessibleName("Stop listening" if heard else "Listen")
        self._button.setToolTip("Stop (Escape)" if heard else "Listen")
        self.changed.emit()


def facts_of(shown: Previewed) -> str:
    """In a line: length, and what the file holds."""
    minutes, seconds = divmod(shown.length_s, 60.0)
    facts = [f"{minutes:.0f}:{seconds:06.3f}"]
    if shown.sample_rate:
        words = {1: "mono", 2: "stereo"}
        facts.append(f"{shown.sample_rate / 1000:g} kHz")
        facts.append(words.get(shown.channels, f"{shown.channels} channels"))
    else:
        count = len(shown.overview.notes)
        facts.append(f"{count} note{'s' if count != 1 else ''}")
    return " · ".join([*facts, *([shown.note] if shown.note else [])])
