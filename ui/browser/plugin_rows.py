# SPDX-License-Identifier: GPL-3.0-or-later
"""How a plugin looks in the list, and while it is dragged."""

from PyQt6.QtCore import QEvent, QModelIndex, QPoint, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QDrag, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PyQt6.QtWidgets import QListView, QStyle, QStyleOptionViewItem, QWidget

from ipc.desk.state import CatalogueEntry
from ui.browser.plugin_model import ENTRY, IS_FAVOURITE, WORKS
from ui.mixer.slot_row import DRAG_HOT_SPOT
from ui.pages.parts.mark import mark_of, paint_mark
from ui.pages.parts.rows import RowDelegate
from ui.theme.theme import Theme

INSTRUMENT = "instrument"
_STAR_WIDTH = 24.0
# Of formats, so that they are told apart at a glance: tokens, for they must suit both themes.
_FORMAT_COLOURS = {
    "vst3": "accent",
    "lv2": "standby",
    "clap": "late",
    "ladspa": "restarting",
    "builtin": "active",
}


def format_name(format_: str) -> str:
    return "ISOBOOTH" if format_ == "builtin" else format_.upper()


def kind_icon(kind: str) -> str:
    return "mdi6.piano" if kind == INSTRUMENT else "mdi6.sine-wave"


class PluginRows(RowDelegate):
    """Its kind, its name above who made it, its format, and a star."""

    height = 42

    def paint_row(
        self, painter: QPainter, box: QRectF, index: QModelIndex, option: QStyleOptionViewItem
    ) -> None:
        entry: CatalogueEntry = index.data(ENTRY)
        works = entry.status == WORKS
        middle = box.center().y()
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        colour = "accent" if entry.kind == INSTRUMENT else "text_dim"
        picture = QRectF(box.x(), middle - 9, 18, 18)
        if works:
            self.icon(painter, picture, kind_icon(entry.kind), colour)
        else:
            paint_mark(painter, picture.adjusted(2, 2, -2, -2), mark_of(entry.status), self.theme)
        right = box.right()
        if index.data(IS_FAVOURITE):
            self.icon(painter, QRectF(right - 16, middle - 8, 16, 16), "mdi6.star", "solo")
        elif hover or chosen:
            self.icon(
                painter, QRectF(right - 16, middle - 8, 16, 16), "mdi6.star-outline", "text_faint"
            )
        token = _FORMAT_COLOURS.get(entry.format, "text_dim")
        tag = self.theme.colour(token, 1.0 if works else 0.6)
        right = self.tag(painter, right - _STAR_WIDTH, middle, format_name(entry.format), tag)
        left = picture.right() + 10
        line = QRectF(left, middle - 17, right - left - 8, 17)
        self.write(painter, line, entry.name, self.normal, "text" if works else "text_dim")
        below = line.translated(0, 16)
        what = " · ".join(filter(None, (entry.vendor, entry.category)))
        if not works:
            what = entry.note or mark_of(entry.status).word
        self.write(painter, below, what, self.small, "text_faint" if works else "late")


class PluginList(QListView):
    """Return and a double click choose; a click on the star makes a favourite."""

    chosen = pyqtSignal(QModelIndex)
    starred = pyqtSignal(QModelIndex)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setDragEnabled(True)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)
        self.doubleClicked.connect(self.chosen)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        index = self._starred_at(event.pos())
        if index.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.starred.emit(index)
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if not self._starred_at(event.pos()).isValid():
            super().mouseDoubleClickEvent(event)

    def _starred_at(self, where: QPoint) -> QModelIndex:
        """The row whose star is there."""
        index = self.indexAt(where)
        box = self.visualRect(index)
        return index if index.isValid() and where.x() > box.right() - 34 else QModelIndex()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Space:
            event.ignore()  # plays and stops, everywhere in the window
        else:
            super().keyPressEvent(event)

    def startDrag(self, actions: Qt.DropAction) -> None:
        index, model = self.currentIndex(), self.model()
        if model is None or not model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled:
            return
        drag = QDrag(self.window())
        drag.setMimeData(model.mimeData([index]))
        drag.setPixmap(drag_picture(self._theme, index.data(), self.devicePixelRatioF()))
        drag.setHotSpot(DRAG_HOT_SPOT)
        drag.exec(Qt.DropAction.CopyAction)

    def leaveEvent(self, event: QEvent | None) -> None:
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()
        super().leaveEvent(event)


def drag_picture(theme: Theme, text: str, ratio: float) -> QPixmap:
    """What hangs at the pointer: it looks like the row that it will become."""
    size = QSize(170, 26)
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(0.5, 0.5, size.width() - 1.0, size.height() - 1.0)
    painter.setPen(QPen(theme.colour("accent"), 1.0))
    painter.setBrush(theme.colour("control", 0.94))
    painter.drawRoundedRect(box, 4.0, 4.0)
    painter.setBrush(theme.colour("active"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(QRectF(9, 8, 10, 10))
    painter.setPen(theme.colour("text"))
    painter.setFont(theme.font("small"))
    room = QRectF(26, 0, size.width() - 32, size.height())
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room.width()))
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
    painter.end()
    return pixmap
