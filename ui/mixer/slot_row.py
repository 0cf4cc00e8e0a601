# SPDX-License-Identifier: GPL-3.0-or-later
"""One slot in a strip: its light and its name. It can be dragged, and steered by keys."""

from PyQt6.QtCore import (
    QByteArray,
    QMimeData,
    QObject,
    QPoint,
    QRectF,
    QSize,
    Qt,
    QTimer,
    pyqtSignal,
)
from PyQt6.QtGui import (
    QContextMenuEvent,
    QDrag,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QLabel, QWidget

from ipc.desk.state import SlotState
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.mixer.light import WORDS, StateLight
from ui.mixer.sharing import Sharing
from ui.theme.theme import Theme

SLOT_MIME = "application/x-isobooth-slot"
ROW_HEIGHT = 22
# What is dragged hangs below and beside the pointer, so that the line where it goes stays in sight.
DRAG_HOT_SPOT = QPoint(-14, -6)
_BADGE_HEIGHT = 14
STANDBY_ICON = "mdi6.cards-outline"
_MARK = 13  # pixels

Key = Qt.Key


class SlotRow(QWidget):
    """Emits what the user wants of the slot; the strip says it to the host."""

    opened = pyqtSignal(str)  # its editor: slot
    menu_wanted = pyqtSignal(str, QPoint)  # slot, where on the screen
    bypass_wanted = pyqtSignal(str)
    own_window_wanted = pyqtSignal(str)
    removal_wanted = pyqtSignal(str)
    shift_wanted = pyqtSignal(str, int)  # slot, places down the chain

    def __init__(self, theme: Theme, state: SlotState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._theme = theme
        self._pressed: QPoint | None = None
        self._light = StateLight(theme)
        self._name = ElidedText(theme)
        self._sharing: Sharing | None = None
        self._badge = QLabel()
        self._badge.setObjectName("process-badge")
        self._badge.setFont(theme.font("tiny", bold=True))
        self._badge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._badge.setFixedHeight(_BADGE_HEIGHT)
        self._badge.hide()
        self._standby = QLabel()
        self._standby.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._standby.hide()
        theme.changed.connect(self._dress)
        self._dress()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(4)
        layout.addWidget(self._light)
        layout.addWidget(self._name, 1)
        layout.addWidget(self._standby)
        layout.addWidget(self._badge)
        self.setFixedHeight(ROW_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._show()

    def show_state(self, state: SlotState) -> None:
        if state != self.state:
            self.state = state
            self._show()

    def show_sharing(self, sharing: Sharing | None) -> None:
        """None: it has a process of its own."""
        if sharing != self._sharing:
            self._sharing = sharing
            self._badge.setText(sharing.letter if sharing is not None else "")
            self._badge.setVisible(sharing is not None)
            self._show()

    def _dress(self) -> None:
        icon = self._theme.icon(STANDBY_ICON, "standby")
        self._standby.setPixmap(icon.pixmap(QSize(_MARK, _MARK), self.devicePixelRatioF()))

    def _show(self) -> None:
        state = self.state
        self._standby.setVisible(state.standby)
        self._light.show_status(state.status)
        self._name.show_text(state.name, "text_faint" if state.bypassed else "text")
        shared = f", process {self._sharing.letter}" if self._sharing is not None else ""
        kept = ", keeps a standby" if state.standby else ""
        self.setAccessibleName(f"{state.name}, {WORDS[state.status]}{kept}{shared}")
        self.setToolTip(plain_tip("\n".join(_tip(state, self._sharing))))

    # ------------------------------------------------------------------ mouse and keys

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.pos()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._pressed is None:
            return
        if (event.pos() - self._pressed).manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            slot, picture, window = self.state.id, self.grab(), self.window()
            # Later, from the loop: the host may take this row away while it is dragged.
            QTimer.singleShot(0, lambda: _drag(slot, picture, window))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self.opened.emit(self.state.id)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        assert event is not None
        self.menu_wanted.emit(self.state.id, event.globalPos())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key, slot = event.key(), self.state.id
        with_alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key in (Key.Key_Return, Key.Key_Enter):
            self.opened.emit(slot)
        elif key == Key.Key_B:
            self.bypass_wanted.emit(slot)
        elif key == Key.Key_W:
            self.own_window_wanted.emit(slot)
        elif key == Key.Key_Delete:
            self.removal_wanted.emit(slot)
        elif key == Key.Key_Menu:
            self.menu_wanted.emit(slot, self.mapToGlobal(self.rect().center()))
        elif key in (Key.Key_Up, Key.Key_Down) and with_alt:
            self.shift_wanted.emit(slot, -1 if key == Key.Key_Up else 1)
        elif key == Key.Key_Up:
            self.focusPreviousChild()
        elif key == Key.Key_Down:
            self.focusNextChild()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        painter.setPen(QPen(self._theme.colour("accent" if self.hasFocus() else "line"), 1.0))
        painter.setBrush(self._theme.colour("control_hover" if self.underMouse() else "control"))
        painter.drawRoundedRect(box, 3.0, 3.0)
        painter.end()


def _tip(state: SlotState, sharing: Sharing | None) -> list[str]:
    lines = [state.name, WORDS[state.status][:1].upper() + WORDS[state.status][1:]]
    if state.reason:
        lines.append(state.reason)
    if state.standby:
        lines.append("Keeps a standby, which takes over at once when it fails")
    if state.window in ("opening", "open"):
        lines.append(f"Its own window is {'open' if state.window == 'open' else 'being opened'}")
    if state.latency_frames:
        lines.append(f"Latency {state.latency_frames} frames")
    if state.restarts:
        lines.append(f"Restarted {state.restarts} ×")
    if state.pid is not None:
        lines.append(f"Process {state.pid}")
    if sharing is not None:
        lines.append(f"Shares it with {', '.join(sharing.others)}")
    lines.append(state.plugin)
    return lines


def _drag(slot: str, picture: QPixmap, source: QObject | None) -> None:
    data = QMimeData()
    data.setData(SLOT_MIME, QByteArray(slot.encode()))
    drag = QDrag(source)
    drag.setMimeData(data)
    drag.setPixmap(picture)
    drag.setHotSpot(DRAG_HOT_SPOT)
    drag.exec(Qt.DropAction.MoveAction)
