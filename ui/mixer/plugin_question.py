# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks for a plugin by its id, where there is no browser to take it from."""

from collections.abc import Callable

from PyQt6.QtWidgets import QInputDialog, QWidget


def ask_for_plugin(parent: QWidget, title: str, on_answer: Callable[[str], None]) -> None:
    """Nothing waits for the answer, which may never come."""
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(title)
    dialog.setLabelText("The plugin's id, such as lv2:http://zamaudio.com/lv2/zameq2")
    dialog.setMinimumWidth(440)

    def answered(text: str) -> None:
        if text := text.strip():
            on_answer(text)

    dialog.textValueSelected.connect(answered)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
