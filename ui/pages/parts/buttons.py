# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of panels and pages: what a page is for, what else can be done, filters, segments."""

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QWidget

from ui.controls.buttons import Button
from ui.theme.theme import Theme

_SPARE = 8  # pixels


class _Worded(Button):
    """Qt reserves more room than an icon with a word beside it takes."""

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        both = self.text() and not self.icon().isNull()
        return QSize(hint.width() - _SPARE, hint.height()) if both else hint

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class Primary(_Worded):
    """The one that the page is for. Its icon is drawn in the colour of writing on it."""

    def __init__(self, theme: Theme, text: str, icon: str = "", tip: str = "") -> None:
        super().__init__(theme, text, text=text, icon=icon, tip=tip)
        self.setObjectName("primary")
        self._beside(icon)

    def _beside(self, icon: str) -> None:
        if icon:
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self.setIconSize(QSize(16, 16))

    def _dress(self) -> None:
        self.setIcon(self._theme.icon(self._icon, "on_accent"))


class Action(_Worded):
    """Something else that can be done: an icon and a word."""

    def __init__(
        self, theme: Theme, text: str, icon: str, tip: str = "", *, checkable: bool = False
    ) -> None:
        super().__init__(
            theme, text, text=text, icon=icon, tip=tip, checkable=checkable,
            checked_colour="accent",
        )  # fmt: skip
        self.setObjectName("action")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(15, 15))


class Chip(_Worded):
    """A filter that is on or off."""

    def __init__(
        self, theme: Theme, text: str, tip: str, icon: str = "", checked_icon_colour: str = "accent"
    ) -> None:
        super().__init__(
            theme, tip, text=text, icon=icon, tip=tip, checkable=True,
            checked_colour=checked_icon_colour,
        )  # fmt: skip
        self.setObjectName("chip")
        if icon:
            self.setIconSize(QSize(13, 13))
            if text:
                self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)


class Segments(QFrame):
    """One of few is chosen."""

    chosen = pyqtSignal(int)

    def __init__(
        self, theme: Theme, name: str, texts: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("segments")
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for place, text in enumerate(texts):
            button = Button(theme, text, text=text, checkable=True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(button, place)
            row.addWidget(button)
        self.choose(0)
        self._group.idClicked.connect(self.chosen)

    @property
    def place(self) -> int:
        return self._group.checkedId()

    def choose(self, place: int) -> None:
        button = self._group.button(place)
        assert button is not None
        button.setChecked(True)
