# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins' own windows, as the window asks for them: a plugin that may not open any is allowed to
first, once, by a user who has read what that means."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QMessageBox, QWidget

from ipc.desk.requests import AllowWindows, OpenOwnWindow
from ipc.text import one_line
from ui.desk import Desk

_MOST_LETTERS = 80  # of a name: the question stays in sight


def open_own_window(desk: Desk, slot: str, parent: QWidget) -> QMessageBox | None:
    """Opens it, or brings it to the front. The question that is asked first, where one is."""
    found = desk.slot(slot)
    if found is None or found[1].window == "none":
        return None
    request = OpenOwnWindow(slot, _number_of(parent))
    if found[1].may_open_windows:
        desk.ask(request)
        return None
    return _ask(desk, found[1].name, request, parent)


def _ask(desk: Desk, name: str, request: OpenOwnWindow, parent: QWidget) -> QMessageBox:
    question = QMessageBox(parent.window())
    question.setIcon(QMessageBox.Icon.NoIcon)
    question.setWindowTitle("Own window")
    question.setTextFormat(Qt.TextFormat.PlainText)  # the name is the plugin's own
    question.setText(f"Let “{one_line(name, _MOST_LETTERS)}” open its own window?")
    question.setInformativeText(
        "To do so it must reach the screen, and whoever reaches the screen can read every key that "
        "is pressed, and see what other programs show. It is restarted for it once, as it is. You "
        "can take it back in the plugin’s menu in the mixer: “Forbid own windows”."
    )
    allow = question.addButton("Allow", QMessageBox.ButtonRole.AcceptRole)
    question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))

    def answered(_: int) -> None:
        if question.clickedButton() is allow:
            desk.ask(AllowWindows(request.slot), lambda _: desk.ask(request))
        question.deleteLater()

    question.finished.connect(answered)
    question.open()
    return question


def _number_of(widget: QWidget) -> int:
    """Of X11; 0: it is shown otherwise."""
    window = widget.window()
    is_x11 = window is not None and QGuiApplication.platformName() == "xcb"
    return int(window.winId()) if window is not None and is_x11 else 0
