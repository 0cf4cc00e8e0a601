# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds entries to menus."""

from collections.abc import Callable, Iterable

from PyQt6.QtGui import QAction, QActionGroup, QKeySequence
from PyQt6.QtWidgets import QMenu

Keys = QKeySequence | QKeySequence.StandardKey | str


def add_action(
    menu: QMenu,
    text: str,
    do: Callable[[], object] | None = None,
    keys: Keys | None = None,
    *,
    checked: bool | None = None,
) -> QAction:
    """`do` is called without arguments. `checked`: None for an entry that is no switch."""
    action = menu.addAction(text)
    assert action is not None
    if keys is not None:
        action.setShortcut(QKeySequence(keys))
    if checked is not None:
        action.setCheckable(True)
        action.setChecked(checked)
    if do is not None:

        def triggered(_: bool) -> None:
            do()

        action.triggered.connect(triggered)
    return action


def add_submenu(menu: QMenu, text: str) -> QMenu:
    submenu = menu.addMenu(text)
    assert submenu is not None
    return submenu


def add_caption(menu: QMenu, text: str) -> None:
    """Of the entries below it. The style draws no sections."""
    add_action(menu, f"{text}:").setEnabled(False)


def only_one(menu: QMenu, actions: Iterable[QAction]) -> None:
    """At most one of them holds, and they look like it."""
    group = QActionGroup(menu)
    for action in actions:
        group.addAction(action)
