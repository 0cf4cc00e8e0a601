# SPDX-License-Identifier: GPL-3.0-or-later
"""What has happened, said quietly: a card over the tracks, with what can be done about it.

It takes no focus and goes away by itself; nothing has to be clicked away, and no fader is under it.
"""

import time
from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPoint, QPropertyAnimation, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QEnterEvent
from PyQt6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from ipc.desk.requests import RestartSlot
from ipc.desk.state import Notice
from ui.controls.buttons import Button
from ui.desk import Desk
from ui.own_window import open_own_window
from ui.theme.theme import Theme

# Kinds of host/events.py that are worth a card: (icon, colour).
_SHOWN = {
    "fault": ("mdi6.flash-alert", "late"),
    "quarantined": ("mdi6.shield-alert", "quarantined"),
    "failed": ("mdi6.alert-circle", "failed"),
    "window": ("mdi6.application-outline", "late"),
    "poison": ("mdi6.bottle-tonic-skull", "failed"),
}
_REFUSED = ("mdi6.alert-circle-outline", "late")
_FOR_GOOD = ("quarantined", "failed")  # it does not come back by itself
# How what was told of a plugin ends, and how it looks then.
_MENDED = {
    "recovered": ("and is back", ("mdi6.check-circle-outline", "active")),
    "takeover": ("and its standby plays", ("mdi6.cards-outline", "standby")),
}
_RESTART = "Restart"
_MOST = 3  # at a time
_WIDTH = 380
_MARGIN = 16


class Notices(QWidget):
    """Stands over a part of `parent`, at its lower right; as large as its cards."""

    report_wanted = pyqtSignal(str)  # the id of a crash report

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._theme = theme
        self._ground = parent
        # What happened before this window was there is in the log, not news.
        self._since_s = time.time()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self.cards: list[Card] = []
        self.setFixedWidth(_WIDTH)
        self.hide()
        parent.installEventFilter(self)
        desk.happened.connect(self._on_happened)
        desk.refused.connect(self.show_refusal)

    def stand_over(self, ground: QWidget) -> None:
        """A widget in the parent."""
        self._ground = ground
        ground.installEventFilter(self)
        self._place()

    def show_refusal(self, reason: str) -> None:
        """A request of the user's failed. What is still said is not said twice."""
        if self.cards and self.cards[-1].text == reason:
            self.cards[-1].start()
            return
        self._add(Card(self._theme, reason, *_REFUSED))

    def _on_happened(self, notices: tuple[Notice, ...]) -> None:
        for notice in notices:
            if notice.kind in _SHOWN and notice.time_s >= self._since_s:
                self._show_notice(notice)
            elif notice.kind in _MENDED and notice.slot is not None:
                self._show_mended(notice.slot, notice.kind)

    def _show_notice(self, notice: Notice) -> None:
        card = Card(self._theme, notice.text, *_SHOWN[notice.kind])
        found = self._desk.slot(notice.slot) if notice.slot is not None else None
        if notice.slot is not None and found is not None:
            slot, report = notice.slot, notice.report or found[1].report
            if notice.kind == "window":
                card.add_action("Open", lambda: open_own_window(self._desk, slot, self))
            else:
                card.slot = slot
            if card.slot and report is not None:
                card.add_action(
                    "What happened", lambda: self.report_wanted.emit(report), is_quiet=True
                )
            if notice.kind in _FOR_GOOD:
                card.add_action(_RESTART, lambda: self._desk.ask(RestartSlot(slot)))
        self._add(card)

    def _show_mended(self, slot: str, kind: str) -> None:
        """Quietly, where it was told that it had failed."""
        for card in self.cards:
            if card.slot == slot:
                card.show_outcome(*_MENDED[kind])
                self._fit(card)
        self._place()

    def _add(self, card: "Card") -> None:
        while len(self.cards) >= _MOST:
            self.cards[0].leave()
        self.cards.append(card)
        card.left = self._remove
        self._layout.addWidget(card)
        card.show()
        self._fit(card)
        self._place()
        card.start()

    @staticmethod
    def _fit(card: "Card") -> None:
        if (layout := card.layout()) is not None:
            layout.activate()  # its text may be another one
        card.setFixedHeight(card.heightForWidth(_WIDTH))

    def _remove(self, card: "Card") -> None:
        if card in self.cards:
            self.cards.remove(card)
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
            self._place()

    def _place(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        self.setVisible(bool(self.cards))
        self._layout.activate()
        self.resize(_WIDTH, self._layout.totalHeightForWidth(_WIDTH))
        ground = self._ground
        first = ground.mapTo(parent, QPoint(0, 0)) if ground is not parent else QPoint(0, 0)
        x = first.x() + ground.width() - self.width() - _MARGIN
        # Where there is no room below, it covers what is under the ground, not what is above.
        y = first.y() + max(_MARGIN, ground.height() - self.height() - _MARGIN)
        self.move(max(0, x), y)
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        assert event is not None
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._place()
        return False


class Card(QFrame):
    """One of them. It stays while the mouse is over it."""

    def __init__(self, theme: Theme, text: str, icon: str, colour: str) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.left: Callable[[Card], None] = lambda _: None
        self.slot = ""  # whose failure it tells of
        self._told = text
        self._theme = theme
        self._effect = QGraphicsOpacityEffect(self)
        self._fade = QPropertyAnimation(self._effect, b"opacity", self)
        self._fade.finished.connect(self.leave)
        self._time = QTimer(self)
        self._time.setSingleShot(True)
        self._time.timeout.connect(self._go)
        self._picture = QLabel()
        self._picture.setPixmap(theme.icon(icon, colour).pixmap(20, 20))
        self._text = QLabel(text)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._close = Button(theme, "Dismiss", icon="mdi6.close")
        self._close.setProperty("flat", True)
        self._close.setFixedSize(24, 24)
        self._close.clicked.connect(self.leave)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 10, 8, 10)
        self._row.setSpacing(10)
        top = Qt.AlignmentFlag.AlignTop
        self._row.addWidget(self._picture, alignment=top)
        self._offers: list[Button] = []
        self._below = QHBoxLayout()
        self._below.setSpacing(8)
        self._below.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self._text)
        column.addLayout(self._below)
        self._row.addLayout(column, 1)
        self._row.addWidget(self._close, alignment=top)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        return self._text.text()

    @property
    def offers(self) -> list[Button]:
        """What can be done about it, from left to right."""
        return list(self._offers)

    def show_outcome(self, words: str, look: tuple[str, str]) -> None:
        """How it went on; nothing has to be restarted any more. `look`: icon and colour."""
        text = f"{self._told} {words}"
        self._text.setText(text)
        self.setAccessibleName(text)
        self._picture.setPixmap(self._theme.icon(*look).pixmap(20, 20))
        if self._fade.state() == QPropertyAnimation.State.Running:
            self.start()  # it is news
        for button in self.offers:
            if button.text() == _RESTART:
                self._offers.remove(button)
                button.hide()
                button.deleteLater()

    def add_action(self, name: str, do: Callable[[], object], *, is_quiet: bool = False) -> None:
        """`is_quiet`: it mends nothing."""
        button = Button(self._theme, name, text=name)
        button.setMinimumHeight(26)
        button.setObjectName("quiet" if is_quiet else "action")

        def act() -> None:
            do()
            self.leave()

        button.clicked.connect(act)
        self._offers.append(button)
        self._below.insertWidget(len(self._offers) - 1, button)

    def start(self) -> None:
        """All its time from now on, also for one that fades already."""
        self._fade.stop()
        self._effect.setOpacity(1.0)
        self._time.start(self._theme.tokens.motion.notice_ms)

    def leave(self) -> None:
        self._time.stop()
        self._fade.stop()
        self.left(self)

    def enterEvent(self, event: QEnterEvent | None) -> None:
        self._time.stop()
        self._fade.stop()
        self._effect.setOpacity(1.0)

    def leaveEvent(self, event: QEvent | None) -> None:
        self.start()

    def _go(self) -> None:
        duration_ms = self._theme.motion_ms("slow")
        if duration_ms == 0:
            self.leave()
            return
        self.setGraphicsEffect(self._effect)
        self._fade.setDuration(duration_ms)
        self._fade.setStartValue(1.0)
        self._fade.setEndValue(0.0)
        self._fade.start()
