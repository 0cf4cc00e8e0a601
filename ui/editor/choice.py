# SPDX-License-Identifier: GPL-3.0-or-later
"""A list for a parameter of few values, each in the plugin's words."""

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PyQt6.QtWidgets import QAbstractButton, QMenu, QWidget

from ui.controls.action import only_one
from ui.editor.wheel import WheelGuard
from ui.theme.theme import Theme

_HEIGHT = 28
_NOTCH = 120.0


class Choice(QAbstractButton):
    """`chosen` is emitted for what the user does. `word` is asked for a step's text when the list
    is opened; "" if it is not known yet."""

    chosen = pyqtSignal(int)  # step
    default_wanted = pyqtSignal()

    def __init__(
        self,
        theme: Theme,
        name: str,
        steps: int,
        word: Callable[[int], str],
        guard: WheelGuard | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._steps = steps
        self._word = word
        self._guard = guard
        self._step = 0
        self._turned = 0.0
        self._menu: QMenu | None = None
        self.setAccessibleName(name)
        self.setFixedHeight(_HEIGHT)
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(self.open)

    def sizeHint(self) -> QSize:
        return QSize(90, _HEIGHT)

    @property
    def step(self) -> int:
        return self._step

    def show_step(self, step: int, text: str) -> None:
        """From outside: nothing is emitted."""
        self._step = step
        if text != self.text():
            self.setText(text)
            self.setAccessibleDescription(text)
            self.update()
        self._name_actions()

    def open(self) -> None:
        """The list, below it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for step in range(self._steps):
            action = QAction(self._word(step) or "…", menu)
            action.setData(step)
            action.setCheckable(True)
            action.setChecked(step == self._step)
            action.triggered.connect(lambda _, step=step: self._choose(step))
            menu.addAction(action)
        only_one(menu, menu.actions())
        menu.aboutToHide.connect(self._on_closed)
        self._menu = menu
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def _on_closed(self) -> None:
        self._menu = None

    def _name_actions(self) -> None:
        """What has come since the list was opened."""
        if self._menu is not None:
            for action in self._menu.actions():
                action.setText(self._word(action.data()) or "…")

    def _choose(self, step: int) -> None:
        step = min(self._steps - 1, max(0, step))
        if step != self._step:
            self.chosen.emit(step)

    # ------------------------------------------------------------------ mouse and keys

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.default_wanted.emit()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        if self._guard is not None and self._guard.is_scrolling():
            event.ignore()
            return
        self._turned += (event.angleDelta().y() or event.angleDelta().x()) / _NOTCH
        whole = int(self._turned)
        self._turned -= whole
        if whole:
            self._choose(self._step - whole)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Left):
            self._choose(self._step - 1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Right):
            self._choose(self._step + 1)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.default_wanted.emit()
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1.0, 1.0, -1.0, -1.0)
        is_lit = self.hasFocus() or self._menu is not None
        edge = "accent" if is_lit else "line" if theme.name == "dark" else "knob_edge"
        painter.setPen(QPen(theme.colour(edge), 1.2))
        ground = "control_hover" if self.underMouse() and self.isEnabled() else "control"
        painter.setBrush(theme.colour(ground if self.isEnabled() else "raised"))
        painter.drawRoundedRect(box, 5.0, 5.0)
        painter.setPen(theme.colour("text" if self.isEnabled() else "text_faint"))
        words = box.adjusted(8.0, 0.0, -18.0, 0.0)
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, int(words.width())
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, text)
        middle = QPointF(box.right() - 11.0, box.center().y())
        painter.setPen(QPen(theme.colour("text_dim"), 1.4))
        lowest = middle + QPointF(0.0, 2.0)
        painter.drawLine(middle + QPointF(-3.5, -1.5), lowest)
        painter.drawLine(lowest, middle + QPointF(3.5, -1.5))
        painter.end()
