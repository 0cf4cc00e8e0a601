# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done about a failed plugin: with its place in this song, and with the plugin.

Buttons in rows that break where the room ends; they say why they cannot be pressed where they
cannot.
"""

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from ipc.desk.requests import AskSlot, Details, Forgive, QuarantineSlot, RestartSlot, SetSlot
from ipc.desk.state import CrashEntry, SlotState
from ipc.status import SlotStatus
from ui.controls.tip import plain_tip
from ui.desk import Desk
from ui.mixer.light import WORDS, StateLight
from ui.pages.parts.buttons import Action, Primary
from ui.pages.parts.flow import FlowLayout
from ui.pages.parts.words import Words
from ui.theme.theme import Theme

_KILLED = "killed"
_NO_REPLAY = "It was killed from outside: it would not do that again"


class CrashActions(QWidget):
    """Of one report at a time."""

    replay_wanted = pyqtSignal()
    export_wanted = pyqtSignal()
    stress_wanted = pyqtSignal()
    forgiven = pyqtSignal()  # the list is old

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._entry: CrashEntry | None = None
        self._snapshots = 0
        self._light = StateLight(theme)
        self._where = Words(theme, colour="text_dim", size="small")
        self.restart = Primary(theme, "Restart", "mdi6.restart", "Restart it with its state")
        self.older = Action(
            theme, "Older state ▾", "mdi6.history", "Restart it with a state that worked before"
        )
        self.alone = Action(
            theme, "Run alone", "mdi6.cube-outline",
            "It shares its process with no other plugin", checkable=True,
        )  # fmt: skip
        self.standby = Action(
            theme, "Keep a standby", "mdi6.cards-outline",
            "A second instance takes over at once when this one fails", checkable=True,
        )  # fmt: skip
        self.quarantine = Action(
            theme, "Quarantine", "mdi6.hand-back-right-outline",
            "It is not tried again until you restart it; the sound passes by",
        )  # fmt: skip
        self.replay = Action(
            theme, "Replay", "mdi6.play-outline",
            "Do again what it failed of, in a process of its own: does it fail the same way?",
        )  # fmt: skip
        self.export = Action(
            theme,
            "Export…",
            "mdi6.export-variant",
            "One file with all of it, for the plugin's author",
        )
        self.stress = Action(
            theme, "Stress this plugin", "mdi6.flask-outline", "Find out what else it does wrong"
        )
        self.forgive = Action(
            theme, "Take off the blacklist", "mdi6.lock-open-outline",
            "It may be loaded again, in any song",
        )  # fmt: skip
        above, below = FlowLayout(), FlowLayout()
        for one in (self.restart, self.older, self.alone, self.standby, self.quarantine):
            above.addWidget(one)
        for one in (self.replay, self.export, self.stress, self.forgive):
            below.addWidget(one)
        place = QWidget()
        there = QHBoxLayout(place)
        there.setContentsMargins(2, 0, 2, 0)
        there.addWidget(self._light)
        there.addWidget(self._where)
        below.addWidget(place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(above)
        column.addLayout(below)
        self._tips = {
            one: one.toolTip()
            for one in (self.restart, self.older, self.alone, self.standby, self.quarantine)
        }
        self._replay_tip = self.replay.toolTip()
        self.restart.clicked.connect(lambda: self._ask_slot(RestartSlot))
        self.older.clicked.connect(self._pop_states)
        self.quarantine.clicked.connect(lambda: self._ask_slot(QuarantineSlot))
        self.alone.clicked.connect(
            lambda on: self._change(lambda slot: SetSlot(slot=slot, alone=on))
        )
        self.standby.clicked.connect(
            lambda on: self._change(lambda slot: SetSlot(slot=slot, standby=on))
        )
        self.forgive.clicked.connect(self._forgive)
        self.replay.clicked.connect(self.replay_wanted)
        self.export.clicked.connect(self.export_wanted)
        self.stress.clicked.connect(self.stress_wanted)
        desk.shown.connect(lambda _: self._show())

    @property
    def slot(self) -> SlotState | None:
        """The place of which the report tells, if this song has it."""
        found = None if self._entry is None else self._desk.slot(self._entry.slot)
        if found is None or self._entry is None or found[1].plugin != self._entry.plugin:
            return None
        return found[1]

    def show_entry(self, entry: CrashEntry) -> None:
        is_other = self._entry is None or entry.id != self._entry.id
        self._entry = entry
        if is_other:
            self._snapshots = 0
            self._ask_states()
        self._show()

    def _show(self) -> None:
        slot, entry = self.slot, self._entry
        if entry is None:
            return
        for button, tip in self._tips.items():
            button.setEnabled(slot is not None)
            button.setToolTip(
                tip if slot is not None else "This plugin is not in the song any more"
            )
        self.older.setEnabled(slot is not None and self._snapshots > 1)
        if slot is not None and self._snapshots <= 1:
            self.older.setToolTip("There is no older good state")
        self._light.setVisible(slot is not None)
        self.forgive.setVisible(entry.blacklisted)
        by_others = entry.kind == _KILLED
        self.replay.setEnabled(not by_others)
        self.replay.setToolTip(_NO_REPLAY if by_others else self._replay_tip)
        # What is lit is this plugin's, not that of the report before.
        self.alone.show_checked(slot is not None and slot.alone)
        self.standby.show_checked(slot is not None and slot.standby)
        if slot is None:
            self._where.show_text("not in this song", "text_faint")
            self._where.setToolTip("")
            return
        found = self._desk.slot(slot.id)
        track = found[0].name if found is not None else ""
        self._light.show_status(slot.status)
        word = WORDS[slot.status].partition(":")[0]
        self._where.show_text(f"{word}, on {track}", "text_dim")
        self._where.setToolTip(plain_tip(slot.reason))
        self.quarantine.setEnabled(slot.status not in (SlotStatus.QUARANTINED, SlotStatus.FAILED))

    # ------------------------------------------------------------------ its place in the song

    def _ask_states(self) -> None:
        slot, entry = self.slot, self._entry
        if slot is None:
            return

        def answered(reply: Details) -> None:
            if entry is self._entry or (self._entry and entry and entry.id == self._entry.id):
                self._snapshots = reply.details.snapshots
                self._show()

        self._desk.ask(AskSlot(slot.id, with_description=False), answered)

    def _ask_slot(self, request: Callable[[str], RestartSlot | QuarantineSlot]) -> None:
        slot = self.slot
        if slot is not None:
            self._desk.ask(request(slot.id), lambda _: self._ask_states())

    def _change(self, edit: Callable[[str], SetSlot]) -> None:
        slot = self.slot
        self._show()  # only the host's answer shows
        if slot is not None:
            self._desk.change(edit(slot.id))

    def _pop_states(self) -> None:
        slot = self.slot
        if slot is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number in range(self._snapshots):
            action = menu.addAction(_state_text(number))
            assert action is not None
            action.triggered.connect(
                lambda _, slot=slot.id, number=number: self._desk.ask(
                    RestartSlot(slot, snapshot=number), lambda _: self._ask_states()
                )
            )
        menu.popup(self.older.mapToGlobal(self.older.rect().bottomLeft()))

    # ------------------------------------------------------------------ the plugin

    def _forgive(self) -> None:
        if self._entry is not None:
            self._desk.ask(Forgive(self._entry.plugin), lambda _: self.forgiven.emit())


def _state_text(number: int) -> str:
    return "The newest good state" if number == 0 else f"{number} before that"
