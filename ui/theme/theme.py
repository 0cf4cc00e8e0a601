# SPDX-License-Identifier: GPL-3.0-or-later
"""The theme in force: widgets that paint themselves ask it for colours, the others get a style
sheet. It changes while the window is open."""

from typing import Literal

import qtawesome
from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QIcon
from PyQt6.QtWidgets import QApplication

from ui.theme.sheet import palette, style_sheet
from ui.theme.tokens import Colours, Tokens, load_tokens

ThemeName = Literal["dark", "light"]
THEMES: tuple[ThemeName, ...] = ("dark", "light")


class Theme(QObject):
    """One for the application; `apply` gives it the look."""

    changed = pyqtSignal()

    def __init__(
        self,
        name: ThemeName = "dark",
        *,
        reduced_motion: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.tokens: Tokens = load_tokens()
        self.name: ThemeName = name
        self.reduced_motion = reduced_motion

    @property
    def colours(self) -> Colours:
        return self.tokens.dark if self.name == "dark" else self.tokens.light

    def colour(self, name: str, alpha: float = 1.0) -> QColor:
        """The token's colour. `alpha`: 0 is clear, 1 is solid."""
        colour = QColor(getattr(self.colours, name))
        colour.setAlphaF(alpha)
        return colour

    def track_colour(self, chosen: str, place: int) -> QColor:
        """Of the track in that place of the mixer, when `chosen` may be ""."""
        every = self.tokens.tracks.colours
        return QColor(chosen or every[place % len(every)])

    def font(self, size: str = "normal", *, bold: bool = False, figures: bool = False) -> QFont:
        """`size`: a name of the tokens. `figures`: all digits have one width."""
        kind = self.tokens.type
        font = QFont()
        font.setFamilies(list(kind.figures if figures else kind.family))
        font.setPixelSize(getattr(kind, size))
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return font

    def icon(self, name: str, colour: str = "text") -> QIcon:
        """An icon of qtawesome ("mdi6.play") in a token's colour."""
        return qtawesome.icon(  # type: ignore[no-any-return]
            name,
            color=getattr(self.colours, colour),
            color_disabled=self.colours.text_faint,
        )

    def motion_ms(self, name: str) -> int:
        """How long a motion takes; 0 where the user wants none."""
        return 0 if self.reduced_motion else int(getattr(self.tokens.motion, f"{name}_ms"))

    def choose(self, name: ThemeName) -> None:
        self.name = name
        self.apply()

    def apply(self) -> None:
        """To the application and all its windows."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.setStyle("Fusion")
        application.setPalette(palette(self.colours))
        application.setFont(self.font())
        application.setStyleSheet(style_sheet(self.tokens, self.colours))
        self.changed.emit()
