# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch for a parameter that is on or off."""

from PyQt6.QtCore import QEasingCurve, QRectF, QSize, Qt, QVariantAnimation, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QWidget

from ui.theme.theme import Theme

_WIDTH, _HEIGHT = 44, 24


class Switch(QAbstractButton):
    """`switched` is emitted for what the user does, not for what is shown."""

    switched = pyqtSignal(bool)

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._place = 0.0  # of its knob: 0 is off
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setFixedSize(_WIDTH + 4, _HEIGHT + 4)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._slide = QVariantAnimation(self)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.valueChanged.connect(self._move)
        self.clicked.connect(self._on_clicked)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def show_on(self, on: bool) -> None:
        """From outside: nothing is emitted."""
        if on != self.isChecked():
            self.setChecked(on)
            self._go()

    def _on_clicked(self, on: bool) -> None:
        self._go()
        self.switched.emit(on)

    def _go(self) -> None:
        target = 1.0 if self.isChecked() else 0.0
        duration = self._theme.motion_ms("normal")
        self._slide.stop()
        if duration == 0 or not self.isVisible():
            self._move(target)
            return
        self._slide.setDuration(duration)
        self._slide.setStartValue(self._place)
        self._slide.setEndValue(target)
        self._slide.start()

    def _move(self, place: float) -> None:
        self._place = place
        self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
            if self.isChecked() != (key in (Qt.Key.Key_Up, Qt.Key.Key_Right)):
                self.click()
        else:
            event.ignore()  # Space plays and stops everywhere in the window

    def paintEvent(self, event: QPaintEvent | None) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(2.5, 2.5, _WIDTH - 1.0, _HEIGHT - 1.0)
        radius = box.height() / 2
        off = "well" if theme.name == "dark" else "meter_off"
        is_lit = self.hasFocus()
        painter.setPen(QPen(theme.colour("accent" if is_lit else "line"), 1.5 if is_lit else 1.0))
        painter.setBrush(theme.colour(off))
        painter.drawRoundedRect(box, radius, radius)
        if self._place > 0.0 and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_strong", self._place))
            painter.drawRoundedRect(box.adjusted(1.0, 1.0, -1.0, -1.0), radius, radius)
        side = box.height() - 6.0
        knob = QRectF(box.left() + 3.0 + self._place * (box.width() - side - 6.0), 0.0, side, side)
        knob.moveTop(box.center().y() - side / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("shadow", 0.3))
        painter.drawEllipse(knob.translated(0.0, 1.0))
        face = theme.colour("knob_mark" if theme.name == "dark" else "knob")
        if not self.isEnabled():
            face = theme.colour("text_faint")
        painter.setBrush(face.darker(106) if self.underMouse() else face)
        painter.drawEllipse(knob)
        painter.end()
