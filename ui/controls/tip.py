# SPDX-License-Identifier: GPL-3.0-or-later
"""Tool tips of others' words: Qt takes what looks like HTML for HTML, and a plugin could restyle or
hide what is said of it."""

import html

from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtGui import QHelpEvent
from PyQt6.QtWidgets import QTabBar, QToolTip


def plain_tip(text: str) -> str:
    """The tool tip that shows the text as it is written."""
    if "<" not in text and "&lt;" not in text:  # what Qt goes by
        return text
    lines = html.escape(text, quote=False).replace("\n", "<br>")
    return f"<qt>{lines}</qt>"


class PlainTabTips(QObject):
    """An event filter for the tabs of docks, whose tool tips Qt takes from the docks' titles."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if not isinstance(watched, QTabBar) or not isinstance(event, QHelpEvent):
            return False
        tip = watched.tabToolTip(watched.tabAt(event.pos()))
        QToolTip.showText(event.globalPos(), plain_tip(tip), watched)
        return True
