# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fader and a knob have in common: how mouse, wheel and keys turn a value.

A drag is relative, so that a click never makes the sound jump. Each drag, turn of the wheel or run
of keys is one gesture: `begun`, some `moved`, `ended`.
"""

from PyQt6.QtCore import QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QAbstractSlider, QWidget

from ui.controls.tip import plain_tip
from ui.theme.theme import Theme

_FINE = 0.1  # of a movement, with Shift
_STEPS = 1000  # that a screen reader hears of
_IDLE_MS = 600  # after which the wheel or the keys have come to rest
_NOTCH = 120.0  # Qt's units of one step of a wheel

Key = Qt.Key


class Control(QAbstractSlider):
    """Subclasses paint, and say what a position (0 to 1) is worth."""

    begun = pyqtSignal()
    moved = pyqtSignal(float)  # the value
    ended = pyqtSignal()

    travel_px = 160.0  # of the mouse, from one end to the other
    step = 1.0  # of a key or the wheel, in units of the value
    page = 6.0
    default = 0.0

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        """`name`: for screen readers."""
        super().__init__(parent)
        self.theme = theme
        self._value = self.default
        self._position = self.position_of(self.default)
        self._mouse: QPointF | None = None  # where it was last in a drag
        self._is_active = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_IDLE_MS)
        self._rest.timeout.connect(self._end)
        self.setRange(0, _STEPS)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.valueChanged.connect(self._on_slider_value)
        self._tell_value()

    # ------------------------------------------------------------------ for subclasses

    def position_of(self, value: float) -> float:
        raise NotImplementedError

    def value_at(self, position: float) -> float:
        raise NotImplementedError

    def text_of(self, value: float) -> str:
        """For people, with its unit."""
        raise NotImplementedError

    def stepped(self, value: float, steps: float) -> float:
        """The value some steps away."""
        return value + steps * self.step

    # ------------------------------------------------------------------ the value

    @property
    def amount(self) -> float:
        """The value, in its unit."""
        return self._value

    @property
    def position(self) -> float:
        return self._position

    @property
    def is_active(self) -> bool:
        """Whether the user has hold of it."""
        return self._is_active

    def show_amount(self, value: float) -> None:
        """From outside: nothing is emitted."""
        if value != self._value:
            self._value = value
            self._position = min(1.0, max(0.0, self.position_of(value)))
            self._tell_value()
            self.update()

    def _tell_value(self) -> None:
        """To screen readers and tool tips."""
        text = self.text_of(self._value)
        self.blockSignals(True)
        self.setValue(round(self._position * _STEPS))
        self.blockSignals(False)
        self.setAccessibleDescription(text)
        self.setToolTip(plain_tip(f"{self.accessibleName()}: {text}"))

    def _on_slider_value(self, steps: int) -> None:
        """A screen reader has set it."""
        self._by_steps(self.value_at(steps / _STEPS))

    # ------------------------------------------------------------------ gestures

    def _begin(self) -> None:
        if not self._is_active:
            self._is_active = True
            self.begun.emit()

    def _end(self) -> None:
        self._rest.stop()
        if self._is_active:
            self._is_active = False
            self.ended.emit()
            self.update()

    def _set(self, value: float) -> None:
        value = self.value_at(min(1.0, max(0.0, self.position_of(value))))
        if value != self._value:
            self.show_amount(value)
            self.moved.emit(value)

    def _by_steps(self, value: float) -> None:
        """A small gesture, which goes on if another follows soon."""
        self._begin()
        self._set(value)
        self._rest.start()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton:
            self._rest.stop()
            self._mouse = event.position()
            self._begin()
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._mouse is None:
            return
        moved = event.position() - self._mouse
        self._mouse = event.position()
        distance = (self.drag_distance(moved)) / self.travel_px
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            distance *= _FINE
        # The position, not the value, adds up: slow drags lose nothing to rounded values.
        self._position = min(1.0, max(0.0, self._position + distance))
        value = self.value_at(self._position)
        if value != self._value:
            self._value = value
            self._tell_value()
            self.update()
            self.moved.emit(value)

    def drag_distance(self, moved: QPointF) -> float:
        """Pixels towards more."""
        return -moved.y()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if self._mouse is not None:
            self._mouse = None
            self._end()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self._begin()
        self._set(self.default)
        self._end()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        # Shift turns the wheel sideways on some desktops.
        turned = (event.angleDelta().y() or event.angleDelta().x()) / _NOTCH
        self._by_steps(self.stepped(self._value, turned * self._fineness(event.modifiers())))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        fineness, key = self._fineness(event.modifiers()), event.key()
        if key in (Key.Key_Up, Key.Key_Right):
            self._by_steps(self.stepped(self._value, fineness))
        elif key in (Key.Key_Down, Key.Key_Left):
            self._by_steps(self.stepped(self._value, -fineness))
        elif key == Key.Key_PageUp:
            self._by_steps(self._value + self.page)
        elif key == Key.Key_PageDown:
            self._by_steps(self._value - self.page)
        elif key in (Key.Key_Delete, Key.Key_Backspace):
            self._by_steps(self.default)
        else:
            event.ignore()

    @staticmethod
    def _fineness(modifiers: Qt.KeyboardModifier) -> float:
        return _FINE if modifiers & Qt.KeyboardModifier.ShiftModifier else 1.0

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        if self._mouse is None:
            self._end()
        super().focusOutEvent(event)
