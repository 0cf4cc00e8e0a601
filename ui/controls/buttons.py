# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons. Space plays and stops everywhere in the window, so Return presses what has the focus."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QToolButton, QWidget

from ui.controls.tip import plain_tip
from ui.theme.theme import Theme


class Button(QToolButton):
    """A word, or an icon that follows the theme."""

    def __init__(
        self,
        theme: Theme,
        name: str,
        *,
        text: str = "",
        icon: str = "",
        tip: str = "",
        checkable: bool = False,
        checked_colour: str = "text",
        parent: QWidget | None = None,
    ) -> None:
        """`name`: for screen readers. `icon`: of qtawesome. `checked_colour`: of the icon then."""
        super().__init__(parent)
        self._theme = theme
        self._icon = icon
        self._checked_colour = checked_colour
        self.setText(text)
        self.setCheckable(checkable)
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(tip or name))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if icon:
            self.setIconSize(QSize(18, 18))
            theme.changed.connect(self._dress)
            self.toggled.connect(self._dress)
            self._dress()

    def show_icon(self, icon: str) -> None:
        if icon != self._icon:
            self._icon = icon
            self._dress()

    def show_checked(self, checked: bool) -> None:
        """From outside: nothing is emitted but `toggled`."""
        if checked != self.isChecked():
            self.setChecked(checked)

    def _dress(self) -> None:
        self.setIcon(
            self._theme.icon(self._icon, self._checked_colour if self.isChecked() else "text")
        )

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)
