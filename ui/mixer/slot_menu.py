# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with one slot."""

from collections.abc import Callable

from PyQt6.QtWidgets import QMenu, QWidget

from ipc.desk.requests import (
    CloseOwnWindow,
    ForbidWindows,
    QuarantineSlot,
    RemoveSlot,
    RestartSlot,
    SetSlot,
)
from ipc.desk.state import SlotState
from ipc.status import SlotStatus
from ui.controls.action import add_action
from ui.desk import Desk
from ui.own_window import open_own_window


def slot_menu(
    desk: Desk,
    state: SlotState,
    open_editor: Callable[[str], None],
    replace: Callable[[str], None],
    parent: QWidget,
) -> QMenu:
    """To be popped up once."""
    menu = QMenu(state.name, parent)

    def switch(text: str, tip: str, checked: bool, edit: Callable[[bool], SetSlot]) -> None:
        action = add_action(menu, text, checked=checked)
        action.setToolTip(tip)
        action.triggered.connect(lambda on: desk.change(edit(on)))

    slot = state.id
    menu.setToolTipsVisible(True)
    add_action(menu, "&Open\tReturn", lambda: open_editor(slot))
    if state.window != "none":
        add_action(menu, "Own &window\tW", lambda: open_own_window(desk, slot, parent))
    if state.window in ("opening", "open"):
        add_action(menu, "C&lose own window", lambda: desk.ask(CloseOwnWindow(slot)))
    if state.window != "none" and state.may_open_windows:
        forbid = add_action(menu, "&Forbid own windows", lambda: desk.ask(ForbidWindows(slot)))
        forbid.setToolTip("It cannot reach the screen any more; it is restarted for it, as it is")
    menu.addSeparator()
    switch(
        "&Bypass\tB",
        "The sound passes by the plugin",
        state.bypassed,
        lambda on: SetSlot(slot=slot, bypassed=on),
    )
    switch(
        "Keep a &standby",
        "A second instance takes over at once when this one fails",
        state.standby,
        lambda on: SetSlot(slot=slot, standby=on),
    )
    switch(
        "Run &alone",
        "It shares its process with no other plugin",
        state.alone,
        lambda on: SetSlot(slot=slot, alone=on),
    )
    menu.addSeparator()
    add_action(menu, "&Restart", lambda: desk.ask(RestartSlot(slot)))
    if state.status != SlotStatus.QUARANTINED:
        add_action(menu, "&Quarantine", lambda: desk.ask(QuarantineSlot(slot)))
    add_action(menu, "Re&place…", lambda: replace(slot))
    add_action(menu, "Re&move\tDel", lambda: desk.change(RemoveSlot(slot=slot)))
    return menu
