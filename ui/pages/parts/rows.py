# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a list that are painted, not built of widgets: ten thousand cost what is in sight."""

from PyQt6.QtCore import QModelIndex, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QIcon, QPainter, QPen
from PyQt6.QtWidgets import (
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ui.theme.theme import Theme


class RowDelegate(QStyledItemDelegate):
    """Subclasses paint what stands in a row; the ground below it is the same everywhere."""

    height = 40

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.normal = theme.font("normal")
        self.strong = theme.font("normal", bold=True)
        self.small = theme.font("small")
        self.tiny = theme.font("tiny", bold=True)
        self.figures = theme.font("small", figures=True)
        self._icons: dict[tuple[str, str], QIcon] = {}
        theme.changed.connect(self._icons.clear)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(120, self.height)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        assert painter is not None
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect)
        state = option.state
        ground = box.adjusted(3, 1, -3, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(self.theme.colour("selection"))
            painter.drawRoundedRect(ground, 4.0, 4.0)
            painter.setBrush(self.theme.colour("accent"))
            painter.drawRoundedRect(
                QRectF(ground.x(), ground.y() + 7, 3, ground.height() - 14), 1.5, 1.5
            )
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(self.theme.colour("control", 0.6))
            painter.drawRoundedRect(ground, 4.0, 4.0)
        self.paint_row(painter, ground.adjusted(9, 0, -8, 0), index, option)
        painter.restore()

    def paint_row(
        self, painter: QPainter, box: QRectF, index: QModelIndex, option: QStyleOptionViewItem
    ) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------ for subclasses

    def write(
        self,
        painter: QPainter,
        box: QRectF,
        text: str,
        font: QFont,
        colour: str = "text",
        *,
        right: bool = False,
        middle: bool = False,
    ) -> float:
        """One line, elided; returns how wide it came out."""
        if box.width() <= 0:
            return 0.0
        painter.setFont(font)
        painter.setPen(self.theme.colour(colour))
        metrics = QFontMetricsF(font)
        cut = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        shown = metrics.elidedText(text, cut, box.width())
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)

    def tag(
        self, painter: QPainter, right: float, middle: float, text: str, colour: QColor
    ) -> float:
        """A small label that ends at `right`; returns where it begins."""
        metrics = QFontMetricsF(self.tiny)
        width = metrics.horizontalAdvance(text) + 10
        box = QRectF(right - width, middle - 7.5, width, 15)
        edge = QColor(colour)
        edge.setAlphaF(0.55)
        painter.setPen(QPen(edge, 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3.5, 3.5)
        painter.setFont(self.tiny)
        painter.setPen(colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        return box.left()

    def icon(self, painter: QPainter, box: QRectF, name: str, colour: str = "text_dim") -> None:
        key = (name, colour)
        if key not in self._icons:
            self._icons[key] = self.theme.icon(name, colour)
        self._icons[key].paint(painter, box.toRect())


def list_of_rows(delegate: RowDelegate, name: str, view: QListView | None = None) -> QListView:
    """A view for such rows."""
    view = view or QListView()
    view.setAccessibleName(name)
    view.setItemDelegate(delegate)
    view.setUniformItemSizes(True)
    view.setMouseTracking(True)
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
    delegate.setParent(view)
    viewport = view.viewport()
    assert viewport is not None
    delegate.theme.changed.connect(viewport.update)
    return view
