# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that empties a field, with a name: Qt gives it none."""

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QLineEdit


def make_clearable(field: QLineEdit) -> None:
    """Shows the button while there is something to clear."""
    field.setClearButtonEnabled(True)
    action = field.findChild(QAction, "_q_qlineeditclearaction")
    if action is not None:
        action.setText("Clear")
