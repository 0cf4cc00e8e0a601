# SPDX-License-Identifier: GPL-3.0-or-later
"""One strip of the mixer: a track's, or the master's."""

from PyQt6.QtCore import QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from ipc.desk.requests import AddSlot, MoveSlot, RemoveSlot, SetSlot, SetTrack
from ipc.desk.state import MASTER, TrackState
from ui.controls.buttons import Button
from ui.controls.control import Control
from ui.controls.knob import PanKnob
from ui.controls.name import EditableName
from ui.desk import Desk
from ui.gesture import Gesture
from ui.mixer.fader import Fader
from ui.mixer.inserts import Inserts
from ui.mixer.level_field import LevelField
from ui.mixer.meter import Meter
from ui.mixer.slot_menu import slot_menu
from ui.mixer.slot_row import SlotRow
from ui.mixer.strip_menu import strip_menu
from ui.own_window import open_own_window
from ui.theme.theme import Theme

STRIP_WIDTH = 122
_BUTTON = 24


class Strip(QFrame):
    """Says what the user does to the host itself; what needs more of the window, it emits."""

    plugin_wanted = pyqtSignal(str, int)  # another slot: track, index
    replacement_wanted = pyqtSignal(str)  # another plugin in a slot
    slot_opened = pyqtSignal(str)
    track_wanted = pyqtSignal(int)  # another track: index
    file_wanted = pyqtSignal(str)  # for this track to play
    left = pyqtSignal(str, int)  # for a neighbour: this track, strips to the right

    def __init__(
        self, desk: Desk, theme: Theme, track: TrackState, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.track = track
        self._desk = desk
        self._theme = theme
        self._is_master = track.id == MASTER
        name = track.name
        self._colour = _ColourBar(theme)
        self._name = EditableName(theme, "track")
        self.inserts = Inserts(theme, name)
        self.pan = PanKnob(theme, f"Pan of {name}")
        self.mute = Button(theme, f"Mute {name}", text="M", tip="Mute (M)", checkable=True)
        self.solo = Button(theme, f"Solo {name}", text="S", tip="Solo (S)", checkable=True)
        self.fader = Fader(theme, f"Gain of {name}")
        self.meter = Meter(theme, f"Level of {name}")
        self.level = LevelField(theme, f"Gain of {name}")
        self._place = 0
        self._is_shown = False
        self._gain_gesture = Gesture(desk, self)
        self._pan_gesture = Gesture(desk, self)
        self._lay_out()
        self._connect()
        self.setFixedWidth(STRIP_WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.show_track(track, 0)

    @property
    def id(self) -> str:
        return self.track.id

    # ------------------------------------------------------------------ what is shown

    def show_track(self, track: TrackState, place: int) -> None:
        """`place`: in the mixer, which decides the colour if none was chosen."""
        if self._is_shown and (track, place) == (self.track, self._place) and self._is_true():
            return
        self._is_shown = True
        old, self.track, self._place = self.track, track, place
        self.show_colour()
        self._name.show_text(track.name, "text_faint" if track.silenced else "text")
        if track.name != old.name or not self.accessibleName():
            self._name_parts()
        if not self._gain_gesture.is_held and not self.fader.is_active:
            self.fader.show_amount(track.gain_db)
            self.level.show_db(track.gain_db)
        if not self._pan_gesture.is_held and not self.pan.is_active:
            self.pan.show_amount(track.pan)
        self.mute.show_checked(track.mute)
        self.solo.show_checked(track.solo)
        self.inserts.show_slots(track.slots)

    def _is_true(self) -> bool:
        """Whether fader and knob stand where the host has them."""
        return (self.fader.amount, self.pan.amount) == (self.track.gain_db, self.track.pan)

    def show_colour(self) -> None:
        """The master's follows the theme."""
        theme = self._theme
        self._colour.show_colour(
            theme.colour("text_dim")
            if self._is_master
            else theme.track_colour(self.track.colour, self._place)
        )

    def show_selected(self, selected: bool) -> None:
        if bool(self.property("selected")) != selected:
            self.setProperty("selected", selected)
            style = self.style()
            assert style is not None
            style.unpolish(self)
            style.polish(self)

    def tab_chain(self) -> list[QWidget]:
        """What the Tab key goes through, in order."""
        controls = (self.pan, self.mute, self.solo, self.fader, self.level)
        return [self, *self.inserts.tab_chain(), *controls]

    def rename(self) -> None:
        self._name.edit()

    def _name_parts(self) -> None:
        name = self.track.name
        self.setAccessibleName(f"Strip of {name}")
        for widget, what in (
            (self.pan, "Pan of"),
            (self.mute, "Mute"),
            (self.solo, "Solo"),
            (self.fader, "Gain of"),
            (self.level, "Gain of"),
            (self.meter, "Level of"),
        ):
            widget.setAccessibleName(f"{what} {name}")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 7)
        column.setSpacing(6)
        column.addWidget(self._colour)
        name = QHBoxLayout()
        name.setContentsMargins(8, 0, 7, 0)
        name.addWidget(self._name)
        column.addLayout(name)
        inserts = QHBoxLayout()
        inserts.setContentsMargins(6, 0, 6, 0)
        inserts.addWidget(self.inserts)
        column.addLayout(inserts, 2)
        column.addLayout(self._buttons())
        levels = QHBoxLayout()
        levels.setContentsMargins(6, 0, 12, 0)
        levels.setSpacing(9)
        levels.addStretch(1)
        levels.addWidget(self.fader)
        levels.addWidget(self.meter)
        levels.addStretch(1)
        column.addLayout(levels, 3)
        number = QHBoxLayout()
        number.setContentsMargins(22, 0, 22, 0)
        number.addWidget(self.level)
        column.addLayout(number)

    def _buttons(self) -> QHBoxLayout:
        self.mute.setObjectName("mute")
        self.solo.setObjectName("solo")
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        for button in (self.mute, self.solo):
            button.setFixedSize(_BUTTON, _BUTTON - 2)
        row.addWidget(self.pan)
        row.addStretch(1)
        row.addWidget(self.mute)
        row.addWidget(self.solo)
        if self._is_master:
            for widget in (self.pan, self.mute, self.solo):
                policy = widget.sizePolicy()
                policy.setRetainSizeWhenHidden(True)
                widget.setSizePolicy(policy)
                widget.hide()
            self._name.fix()
        return row

    # ------------------------------------------------------------------ what the user does

    def _connect(self) -> None:
        track = self.track.id
        _steer(self.fader, self._gain_gesture)
        _steer(self.pan, self._pan_gesture)
        self.fader.moved.connect(self._on_gain)
        self.level.typed.connect(self._on_gain)
        self.level.refused.connect(self._desk.refused)
        self.pan.moved.connect(lambda pan: self._pan_gesture.change(SetTrack(track=track, pan=pan)))
        self.mute.clicked.connect(lambda on: self._desk.change(SetTrack(track=track, mute=on)))
        self.solo.clicked.connect(lambda on: self._desk.change(SetTrack(track=track, solo=on)))
        self._name.renamed.connect(lambda name: self._desk.change(SetTrack(track=track, name=name)))
        inserts = self.inserts
        inserts.moved.connect(
            lambda slot, index: self._desk.change(MoveSlot(slot=slot, track=track, index=index))
        )
        inserts.dropped.connect(
            lambda plugin, index: self._desk.change(
                AddSlot(track=track, index=index, plugin=plugin)
            )
        )
        inserts.add_wanted.connect(lambda index: self.plugin_wanted.emit(track, index))
        inserts.row_made.connect(self._connect_row)

    def _on_gain(self, gain_db: float) -> None:
        self.level.show_db(gain_db)
        self.fader.show_amount(gain_db)
        self._gain_gesture.change(SetTrack(track=self.track.id, gain_db=gain_db))

    def _connect_row(self, row: SlotRow) -> None:
        row.opened.connect(self.slot_opened)
        row.menu_wanted.connect(self._show_slot_menu)
        row.bypass_wanted.connect(self._toggle_bypass)
        row.own_window_wanted.connect(lambda slot: open_own_window(self._desk, slot, self))
        row.removal_wanted.connect(lambda slot: self._desk.change(RemoveSlot(slot=slot)))
        row.shift_wanted.connect(self._shift)

    def _toggle_bypass(self, slot: str) -> None:
        state = self.inserts.rows[slot].state
        self._desk.change(SetSlot(slot=slot, bypassed=not state.bypassed))

    def _shift(self, slot: str, by: int) -> None:
        ids = [one.id for one in self.track.slots]
        place = ids.index(slot) + by
        if 0 <= place < len(ids):
            self._desk.change(MoveSlot(slot=slot, track=self.track.id, index=place))

    def _show_slot_menu(self, slot: str, where: QPoint) -> None:
        state = self.inserts.rows[slot].state
        menu = slot_menu(
            self._desk, state, self.slot_opened.emit, self.replacement_wanted.emit, self
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def _show_menu(self, where: QPoint) -> None:
        menu = strip_menu(
            self._desk,
            self._theme,
            self.track,
            rename=self.rename,
            add_track=self.track_wanted.emit,
            choose_file=lambda: self.file_wanted.emit(self.id),
            parent=self,
        )
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(where)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        assert event is not None
        self._show_menu(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key = event.key()
        if key == Qt.Key.Key_F2:
            self.rename()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.left.emit(self.id, -1 if key == Qt.Key.Key_Left else 1)
        elif key == Qt.Key.Key_M and not self._is_master:
            self.mute.click()
        elif key == Qt.Key.Key_S and not self._is_master:
            self.solo.click()
        else:
            super().keyPressEvent(event)


def _steer(control: Control, gesture: Gesture) -> None:
    control.begun.connect(gesture.begin)
    control.ended.connect(gesture.end)


class _ColourBar(QWidget):
    """The track's colour, along the upper edge of its strip."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._colour = theme.colour("text_dim")
        self.setFixedHeight(5)

    def show_colour(self, colour: QColor) -> None:
        if colour != self._colour:
            self._colour = colour
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawRoundedRect(self.rect().adjusted(0, 0, 0, 4), 4.0, 4.0)
        painter.end()
