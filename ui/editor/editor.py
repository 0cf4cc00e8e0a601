# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's editor, made from its parameters: for every plugin, whatever its own window can do.

It runs here and not in the plugin's process, so it stays whole when the plugin dies, and what was
turned in the meantime is there when the plugin is back.
"""

import random
from collections.abc import Callable

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from ipc.description import ParameterDescription
from ipc.desk.requests import (
    Change,
    DeletePreset,
    Done,
    KeepSets,
    LoadPreset,
    RenamePreset,
    RestartSlot,
    RestorePreset,
    SavePreset,
    SetProgram,
    SetSlot,
    Undo,
)
from ipc.desk.state import DeskState
from ipc.status import SlotStatus
from ui.desk import Desk
from ui.editor.bar import Bar
from ui.editor.grid import ParameterGrid
from ui.editor.header import Header, Trouble
from ui.editor.sets import TwoSets
from ui.editor.values import Values
from ui.own_window import open_own_window
from ui.theme.theme import Theme

_DEAD = (SlotStatus.QUARANTINED, SlotStatus.FAILED)


class PluginEditor(QWidget):
    """Of the plugin in `slot`, and in the slots that it moves to when a preset is loaded."""

    slot_changed = pyqtSignal(str, str)  # the old id, the new one
    title_changed = pyqtSignal(str)
    gone = pyqtSignal()  # its slot was taken out of the song; undo may bring it back
    report_wanted = pyqtSignal(str)  # the id of a crash report

    def __init__(
        self,
        desk: Desk,
        slot: str,
        theme: Theme,
        parent: QWidget | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance`: numbers from 0 to 1."""
        super().__init__(parent)
        self.setObjectName("editor")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slot = slot
        self.title = ""
        self._desk = desk
        self._theme = theme
        self._chance = chance
        self._trail = [slot]  # the slots that it was in: undo leads back along it
        self._is_moving = False  # to a preset's slot
        self._is_gone = False
        self._undo = ""
        self.sets = TwoSets()
        self._keeping = 0
        self.values = Values(desk, slot, self)
        self.header = Header(theme)
        self.trouble = Trouble(theme)
        self.bar = Bar(theme)
        self.grid = ParameterGrid(desk, self.values, theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.header, self.trouble, self.bar):
            column.addWidget(part)
        column.addWidget(self.grid, 1)
        self._connect()
        self.bar.show_sets(self.sets)
        self._dress()
        self.show_state(desk.state)
        self.values.ask()

    def sizeHint(self) -> QSize:
        return QSize(440, 440)

    def _connect(self) -> None:
        desk, bar = self._desk, self.bar
        desk.shown.connect(self.show_state)
        self._theme.changed.connect(self._dress)
        self.values.described.connect(self._on_described)
        self.values.kept_changed.connect(self._on_kept)
        self.header.bypass_wanted.connect(
            lambda on: desk.change(SetSlot(slot=self.slot, bypassed=on))
        )
        self.header.own_window_wanted.connect(lambda: open_own_window(desk, self.slot, self))
        self.header.restart_wanted.connect(self.restart)
        self.trouble.restart_wanted.connect(self.restart)
        self.trouble.report_wanted.connect(self.report_wanted)
        bar.search.textChanged.connect(self.grid.search)
        bar.set_wanted.connect(lambda _: self.switch_set())
        bar.copy_wanted.connect(self.copy_set)
        bar.defaults_wanted.connect(self.reset)
        bar.random_wanted.connect(self.randomise)
        bar.undo_wanted.connect(self.undo)
        bar.presets.save_wanted.connect(self.save_preset)
        bar.presets.load_wanted.connect(self.load_preset)
        bar.presets.program_wanted.connect(self.choose_program)
        bar.presets.rename_wanted.connect(self.rename_preset)
        bar.presets.delete_wanted.connect(self.delete_preset)
        bar.presets.restore_wanted.connect(self.restore_preset)

    # ------------------------------------------------------------------ what is shown

    def show_state(self, state: DeskState) -> None:
        if state.undo != self._undo:
            self._undo = state.undo
            self.values.undo_came()
        self.bar.show_undo(state.undo)
        found = self._desk.slot(self.slot)
        if found is None and not self._is_moving:
            back = next((one for one in reversed(self._trail) if self._desk.slot(one)), None)
            if back is not None:
                self._move_to(back)
                found = self._desk.slot(back)
        if found is None:
            if not self._is_moving and not self._desk.is_lost:
                self._show_gone()
            return
        track, slot = found
        self._is_gone = False
        self.header.show_slot(slot, track)
        self.trouble.show_slot(slot)
        self.header.show_plugin(self.values.description, slot.plugin)
        is_dead = slot.status in _DEAD
        self.grid.setEnabled(not is_dead)
        self.bar.setEnabled(not is_dead)
        title = f"{slot.name} – {track.name}"
        if title != self.title:
            self.title = title
            self.setAccessibleName(f"Editor of {title}")
            self.title_changed.emit(title)

    def _show_gone(self) -> None:
        self.header.show_gone()
        self.trouble.show_gone()
        self.grid.setEnabled(False)
        self.bar.setEnabled(False)
        if not self._is_gone:
            self._is_gone = True
            self.gone.emit()

    def _on_described(self) -> None:
        description = self.values.description
        self.bar.presets.show_programs(description.programs if description is not None else ())
        self.show_state(self._desk.state)

    def _on_kept(self) -> None:
        kept = self.values.kept
        self.bar.presets.show_names(kept.presets, kept.deleted_preset)
        self.bar.presets.show_program(kept.program)
        if not self._keeping:
            self.sets.take(kept.sets)
            self.bar.show_sets(self.sets)
        self.header.show_snapshots(kept.snapshots)

    # ------------------------------------------------------------------ what the user does

    def restart(self, snapshot: int = 0) -> None:
        self._desk.ask(RestartSlot(self.slot, snapshot))

    def undo(self) -> None:
        self._desk.ask(Undo(), lambda _: self._after_undo())

    def _after_undo(self) -> None:
        self.values.undo_came()
        self.values.ask()

    def switch_set(self) -> None:
        """To A or B, whichever is not heard."""
        values = self.sets.switch(self.values.values)
        self.bar.show_sets(self.sets)
        self._keep_sets()
        self._set({one.index: values[one.index] for one in self._settable(len(values))})

    def copy_set(self) -> None:
        self.sets.copy(self.values.values)
        self._keep_sets()

    def _keep_sets(self) -> None:
        """Until the host has them, what it says of them is old."""
        self._keeping += 1

        def kept(_: object) -> None:
            self._keeping -= 1

        self._desk.ask(KeepSets(self.slot, self.sets.kept()), kept, kept)

    def reset(self) -> None:
        """All parameters to the plugin's defaults: one step of undo."""
        self._set({one.index: one.default for one in self._settable()})

    def randomise(self) -> None:
        """All that are continuous and may be automated: one step of undo."""
        chosen = [one for one in self._settable() if one.automatable and not one.boolean]
        self._set({one.index: self._chance() for one in chosen if one.steps == 0})

    def save_preset(self, name: str) -> None:
        def saved(_: Done) -> None:
            self.bar.presets.show_current(name)
            self.values.ask()

        self._desk.ask(SavePreset(self.slot, name), saved)

    def load_preset(self, name: str) -> None:
        """The plugin is made anew with it, in another slot; this follows it there."""

        def loaded(reply: Done) -> None:
            self._is_moving = False
            self.bar.presets.show_current(name)
            self._move_to(reply.text)
            self.show_state(self._desk.state)

        def refused(_: str) -> None:
            self._is_moving = False
            self.show_state(self._desk.state)

        self._is_moving = True
        self._desk.ask(LoadPreset(self.slot, name), loaded, refused)

    def rename_preset(self, name: str, new_name: str) -> None:
        def renamed(_: Done) -> None:
            self.bar.presets.show_current(new_name)
            self.values.ask()

        self._desk.ask(RenamePreset(self.slot, name, new_name), renamed)

    def delete_preset(self, name: str) -> None:
        def deleted(_: Done) -> None:
            self.bar.presets.show_current("")
            self.values.ask()

        self._desk.ask(DeletePreset(self.slot, name), deleted)

    def choose_program(self, number: int) -> None:
        """One of the plugin's own: it goes on playing."""

        def chosen(_: Done) -> None:
            self.bar.presets.show_current("")
            self._after_undo()

        edit = SetProgram(slot=self.slot, program=number)
        self._desk.ask(Change((edit,)), chosen)

    def restore_preset(self) -> None:
        self._desk.ask(RestorePreset(self.slot), lambda _: self.values.ask())

    def _settable(self, count: int | None = None) -> list[ParameterDescription]:
        """What may be changed, of the first `count`."""
        every = self.values.parameters
        return [
            one
            for one in every
            if not one.read_only and not one.hidden and (count is None or one.index < count)
        ]

    def _set(self, values: dict[int, float]) -> None:
        self.values.set_many(values)

    def _move_to(self, slot: str) -> None:
        if slot == self.slot:
            return
        old, self.slot = self.slot, slot
        self._trail = [one for one in self._trail if one != slot] + [slot]
        self.values.follow(slot)
        self.slot_changed.emit(old, slot)

    # ------------------------------------------------------------------ events, the look

    def showEvent(self, event: QShowEvent | None) -> None:
        self.values.watch(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent | None) -> None:
        self.values.watch(False)
        super().hideEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        is_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.key() == Qt.Key.Key_F and is_ctrl:
            self.bar.search.setFocus()
            self.bar.search.selectAll()
        else:
            event.ignore()

    def _dress(self) -> None:
        colours = self._theme.colours
        self.setStyleSheet(f"""
            #editor {{ background: {colours.panel}; }}
            #editorHeader {{ background: {colours.raised}; }}
            #editorHeader QToolButton:checked {{ background: {colours.control_pressed}; }}
            #editorHeader QToolButton#ownWindow:checked {{
                background: {colours.selection}; border: 1px solid {colours.accent};
            }}
            #editorBar {{
                background: {colours.raised}; border-bottom: 1px solid {colours.line};
            }}
            #editorBar QToolButton {{ padding: 0 2px; }}
            #editorBar QToolButton:checked {{
                background: {colours.accent_strong}; color: {colours.on_accent};
            }}
            #trouble {{ background: {colours.warning_ground}; }}
            #trouble[grave="true"] {{ background: {colours.error_ground}; }}
        """)
