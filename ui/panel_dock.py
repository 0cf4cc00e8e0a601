# SPDX-License-Identifier: GPL-3.0-or-later
"""A panel that can be moved, floated, laid over others and closed, with a title that shows how.

Qt's own title bar has its buttons drawn by the style: without names for screen readers, without
tool tips, and in one colour for both themes.
"""

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QApplication, QDockWidget, QHBoxLayout, QMainWindow, QWidget

from ui.controls.buttons import Button
from ui.controls.elided import ElidedText
from ui.controls.tip import plain_tip
from ui.theme.theme import Theme

_MOVED = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show)


class PanelDock(QDockWidget):
    """`key`: by which its place is remembered. `closing`: what its button says of its key."""

    def __init__(
        self, key: str, title: str, window: QMainWindow, theme: Theme, closing: str = ""
    ) -> None:
        super().__init__(title, window)
        self.setObjectName(key)
        self._theme = theme
        self.title = PanelTitle(self, theme, closing)
        self.setTitleBarWidget(self.title)
        self.visibilityChanged.connect(lambda _: self._keep_to_sight())

    @property
    def is_in_front(self) -> bool:
        """It is seen: neither closed nor behind another one's tab."""
        return self.isVisible() and not self._is_behind

    @property
    def _is_behind(self) -> bool:
        """Qt keeps those out of the window, where they are visible to all but the eye."""
        return not self.isFloating() and self.geometry().right() < 0

    def setWidget(self, widget: QWidget | None) -> None:
        """It needs its room also behind another one: nothing moves when it comes to the front."""
        if widget is not None:
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        super().setWidget(widget)

    def bring_to_front(self) -> None:
        self.show()
        self.raise_()

    def toggle(self) -> None:
        """Closes the one that is seen, shows any other."""
        if self.is_in_front:
            self.close()
        else:
            self.bring_to_front()

    # ------------------------------------------------------------------ out of sight

    def event(self, event: QEvent | None) -> bool:
        done = super().event(event)
        if event is not None and event.type() in _MOVED:
            self._keep_to_sight()
        return done

    def _keep_to_sight(self) -> None:
        """Of a panel behind another one, screen readers and the Tab key know nothing either."""
        is_behind = self._is_behind
        now = QApplication.focusWidget()
        if is_behind and now is not None and self.isAncestorOf(now):
            now.clearFocus()  # or Qt hands the focus to whatever comes next
        for part in (self.title, self.widget()):
            if part is not None and part.isHidden() != is_behind:
                part.setHidden(is_behind)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """An edge when it floats: where it was is where it comes to be."""
        super().paintEvent(event)
        if self.isFloating():
            painter = QPainter(self)
            painter.setPen(self._theme.colour("accent"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.end()


class PanelTitle(QWidget):
    """Its buttons take no focus: the Tab key is for what is in panels, which have keys of their
    own (menu View)."""

    def __init__(self, dock: PanelDock, theme: Theme, closing: str) -> None:
        super().__init__(dock)
        self.setObjectName("panel-title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._dock = dock
        self._closing = closing
        self._name = ElidedText(theme, colour="text_dim")
        self.float = Button(theme, "Float", icon="mdi6.dock-window")
        self.close_button = Button(theme, "Close", icon="mdi6.close")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 4, 2)
        row.setSpacing(2)
        row.addWidget(self._name, 1)
        for button in (self.float, self.close_button):
            button.setProperty("flat", True)
            button.setFixedSize(22, 22)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(button)
        self.float.clicked.connect(lambda: dock.setFloating(not dock.isFloating()))
        self.close_button.clicked.connect(dock.close)
        dock.windowTitleChanged.connect(lambda _: self._show())
        dock.topLevelChanged.connect(lambda _: self._show())
        self._show()

    def _show(self) -> None:
        title = self._dock.windowTitle()
        floats = self._dock.isFloating()
        self._name.show_text(title, "text_dim")
        self._name.setToolTip(plain_tip(title))
        self.float.show_icon("mdi6.dock-bottom" if floats else "mdi6.dock-window")
        for button, name, tip in (
            (self.float, f"{'Dock' if floats else 'Float'} {title}",
             "Put it back into the window" if floats else "Float: a window of its own"),
            (self.close_button, f"Close {title}", f"Close {self._closing}".rstrip()),
        ):  # fmt: skip
            button.setAccessibleName(name)
            button.setToolTip(tip)
