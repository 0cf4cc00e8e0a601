# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the next plugin of the browser goes, as "+" or "Replace…" of the mixer has asked for it.

It ends with the choice, and as soon as the user does something else: one that outlived that would
one day put a plugin where nobody looks for it, or in the place of another one.
"""

from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication, QWidget

from ipc.desk.state import DeskState
from ui.desk import Desk
from ui.titles import slot_title

_WORK = (QEvent.Type.MouseButtonPress, QEvent.Type.Drop)
_KEYS = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)


@dataclass(frozen=True)
class Wish:
    """A place in a chain; or, where `slot` is given, that of the plugin there."""

    track: str
    index: int = 0
    slot: str = ""


class PluginWish(QObject):
    """One at a time. While it stands, every event of the application is looked at, and none
    before or after."""

    changed = pyqtSignal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._wish: Wish | None = None
        self._song = ("", 0)
        self._within: tuple[QWidget, ...] = ()
        desk.shown.connect(self._on_shown)
        desk.lost.connect(lambda _: self.end())

    @property
    def track(self) -> str:
        """On which it stands; "" if there is none."""
        return self._wish.track if self._wish is not None else ""

    @property
    def is_replacement(self) -> bool:
        return self._wish is not None and bool(self._wish.slot)

    @property
    def where(self) -> str:
        """ "Stereo on Pad", or "Pad" for another plugin there; "" if there is none."""
        wish = self._wish
        if wish is None:
            return ""
        if wish.slot and (found := self._desk.slot(wish.slot)) is not None:
            return slot_title(found[1], found[0])
        strip = self._desk.strip(wish.track)
        return strip.name if strip is not None else wish.track

    def stay_within(self, *widgets: QWidget) -> None:
        """Who uses these is still choosing."""
        self._within = widgets

    def begin(self, wish: Wish) -> None:
        self.end()
        self._wish = wish
        self._song = self._song_of(self._desk.state)
        application = _application()
        application.installEventFilter(self)
        application.focusChanged.connect(self._on_focus)
        self.changed.emit()

    def take(self) -> Wish | None:
        """It is fulfilled."""
        wish = self._wish
        self.end()
        return wish

    def end(self) -> None:
        """Safe to call twice."""
        if self._wish is None:
            return
        self._wish = None
        application = _application()
        application.removeEventFilter(self)
        application.focusChanged.disconnect(self._on_focus)
        self.changed.emit()

    def end_elsewhere(self, track: str) -> None:
        """Another track was selected."""
        if track != self.track:
            self.end()

    # ------------------------------------------------------------------ what ends it

    def _on_shown(self, state: DeskState) -> None:
        wish = self._wish
        if wish is None:
            return
        is_there = self._desk.slot(wish.slot) if wish.slot else self._desk.strip(wish.track)
        if is_there is None or self._song_of(state) != self._song:
            self.end()

    def _song_of(self, state: DeskState) -> tuple[str, int]:
        """Slots of another song may have the same ids."""
        return state.path, self._desk.host_pid

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """None: another program has it."""
        if now is not None and not self._is_within(now):
            self.end()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None:
            return False
        kind = event.type()
        if kind in _WORK:
            if isinstance(watched, QWidget) and not self._is_within(watched):
                self.end()
        elif (
            kind in _KEYS
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and QApplication.activePopupWidget() is None  # else it closes that
        ):
            self.end()
        return False

    def _is_within(self, widget: QWidget) -> bool:
        window = widget.window()
        if window is not None and window.windowType() == Qt.WindowType.Popup:
            return True
        return any(one is widget or one.isAncestorOf(widget) for one in self._within)


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
