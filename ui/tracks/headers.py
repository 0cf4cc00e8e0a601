# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracks' names beside the lanes, with what is needed of the mixer while one looks at them."""

from itertools import pairwise

from PyQt6.QtCore import QEvent, QObject, QRect, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ipc.desk.requests import SetTrack
from ipc.desk.state import MASTER, DeskState, SlotState, TrackState
from ipc.status import SlotStatus
from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.desk import Desk
from ui.mixer.light import WORDS, StateLight
from ui.theme.theme import Theme
from ui.tracks.viewport import Viewport

WIDTH = 176
_STRIPE = 5
_LEFT = 14
_BUTTON = 20
_TIGHT = 52  # a row that is lower has one line
_KINDS = {
    "audio": "Audio",
    "midi": "MIDI",
    "live": "Live input",
    "group": "Group",
    "empty": "Empty",
    "master": "Everything",
}
# The worst of a chain is what its track shows.
_WORST = (
    SlotStatus.FAILED,
    SlotStatus.QUARANTINED,
    SlotStatus.RESTARTING,
    SlotStatus.LATE,
    SlotStatus.STANDBY,
)


class Header(QWidget):
    """Of one track."""

    chosen = pyqtSignal(str)  # track
    focused = pyqtSignal(str)

    def __init__(self, desk: Desk, theme: Theme, track: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.track = track
        self._theme = theme
        self._colour = QColor()
        self._is_selected = False
        self._name = ElidedText(theme, bold=True, size="normal", parent=self)
        self._kind = ElidedText(theme, size="tiny", parent=self)
        self._light = StateLight(theme, self)
        self._buttons: list[Button] = []
        if track != MASTER:
            for field, letter in (("mute", "M"), ("solo", "S")):
                button = Button(theme, field.title(), text=letter, checkable=True, parent=self)
                button.setObjectName(field)
                button.clicked.connect(lambda _, field=field: self._toggle(desk, field))
                button.installEventFilter(self)
                self._buttons.append(button)

    def tab_chain(self) -> list[QWidget]:
        """What the Tab key goes through, in order."""
        return list(self._buttons)

    def show_track(self, track: TrackState, place: int) -> None:
        self._colour = self._theme.track_colour(track.colour, place)
        if track.id == MASTER:
            self._colour = self._theme.colour("text_dim")
        is_quiet = track.mute or track.silenced
        self._name.show_text(track.name, "text_faint" if is_quiet else "text")
        count = len(track.slots)
        plugins = f" · {count} plugin{'s' if count > 1 else ''}" if count else ""
        self._kind.show_text(_KINDS[track.kind] + plugins, "text_faint")
        for button, on in zip(self._buttons, (track.mute, track.solo), strict=False):
            button.show_checked(on)
            button.setAccessibleName(f"{button.objectName().title()} {track.name}")
        worst = _worst_slot(track.slots)
        self._light.setVisible(worst is not None)
        words = ""
        if worst is not None:
            self._light.show_status(worst.status)
            words = f"{worst.name}: {WORDS[worst.status]}"
        self.setToolTip(
            plain_tip("\n".join(part for part in (track.name, track.file, words) if part))
        )
        self.setAccessibleName(", ".join(part for part in (f"Track {track.name}", words) if part))
        self.update()

    def show_selected(self, selected: bool) -> None:
        if selected != self._is_selected:
            self._is_selected = selected
            self.update()

    def _toggle(self, desk: Desk, field: str) -> None:
        """A click asks; only the host's answer shows."""
        strip = desk.strip(self.track)
        button = next(button for button in self._buttons if button.objectName() == field)
        button.setChecked(not button.isChecked())
        if strip is None:
            return
        if field == "mute":
            desk.change(SetTrack(track=self.track, mute=not strip.mute))
        else:
            desk.change(SetTrack(track=self.track, solo=not strip.solo))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.FocusIn:
            self.focused.emit(self.track)
        return False

    # ------------------------------------------------------------------ the look

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        is_tight = self.height() < _TIGHT
        right = self.width() - 8
        middle = self.height() // 2
        for n, button in enumerate(reversed(self._buttons)):
            x = right - (n + 1) * _BUTTON - n * 3
            button.setGeometry(x, middle - _BUTTON // 2, _BUTTON, _BUTTON)
        end = right - len(self._buttons) * (_BUTTON + 3) - 4
        self._light.move(end - self._light.width(), middle - self._light.height() // 2)
        end -= self._light.width() + 2
        self._kind.setVisible(not is_tight)
        high, low = self._name.sizeHint().height(), self._kind.sizeHint().height()
        top = middle - (high if is_tight else high + low + 2) // 2
        self._name.setGeometry(_LEFT, top, max(20, end - _LEFT), high)
        self._kind.setGeometry(_LEFT, top + high + 2, max(20, end - _LEFT), low)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.chosen.emit(self.track)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter, theme = QPainter(self), self._theme
        ground = "control" if self._is_selected else "raised"
        painter.fillRect(self.rect(), theme.colour(ground))
        painter.fillRect(QRect(0, 0, _STRIPE, self.height()), self._colour)
        painter.fillRect(QRect(0, self.height() - 1, self.width(), 1), theme.colour("line"))
        painter.end()


class Headers(QWidget):
    """One for each row, where the viewport says."""

    chosen = pyqtSignal(str)
    focused = pyqtSignal(str)  # track; keys have come to one of its buttons

    def __init__(
        self, desk: Desk, viewport: Viewport, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._viewport = viewport
        self._theme = theme
        self._headers: dict[str, Header] = {}
        self._order: list[str] = []
        self.setFixedWidth(WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        viewport.changed.connect(self._place)

    def show_state(self, state: DeskState) -> None:
        every = (*state.tracks, state.master)
        before, self._order = self._order, [track.id for track in every]
        for track in [track for track in self._headers if track not in self._order]:
            gone = self._headers.pop(track)
            gone.hide()
            gone.deleteLater()
        for place, one in enumerate(every):
            header = self._headers.get(one.id)
            if header is None:
                header = self._headers[one.id] = Header(self._desk, self._theme, one.id, self)
                header.chosen.connect(self.chosen)
                header.focused.connect(self.focused)
            header.show_track(one, place)
        self._place()
        if self._order != before:
            self._keep_tab_order()

    def _keep_tab_order(self) -> None:
        """From above to below; Qt's own order is that in which widgets were made."""
        steps = [self, *(one for track in self._order for one in self._headers[track].tab_chain())]
        for one, next_one in pairwise(steps):
            QWidget.setTabOrder(one, next_one)

    def show_selected(self, track: str) -> None:
        for header in self._headers.values():
            header.show_selected(header.track == track)

    def _place(self) -> None:
        viewport = self._viewport
        seen = viewport.visible_rows()
        for row, track in enumerate(self._order):
            header = self._headers[track]
            if row in seen:
                header.setGeometry(0, viewport.y_of(row), self.width(), viewport.row_height)
            header.setVisible(row in seen)


def _worst_slot(slots: tuple[SlotState, ...]) -> SlotState | None:
    """The one that is worst off, if any is."""
    troubled = [slot for slot in slots if slot.status in _WORST]
    return min(troubled, key=lambda slot: _WORST.index(slot.status), default=None)
