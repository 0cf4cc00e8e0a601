# SPDX-License-Identifier: GPL-3.0-or-later
"""From panel to panel by a key: nobody has to go through all controls of one to the next."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from ui.window import Window


class PanelWalk(QObject):
    """Goes back to what had the focus in a panel when the user was there last."""

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._last: dict[QWidget, QWidget] = {}

    def go(self, by: int) -> None:
        """`by`: 1 for the next panel, -1 for the one before."""
        panels, now = self._panels(), QApplication.focusWidget()
        here = next((one for one in panels if now is not None and _holds(one, now)), None)
        if here is not None and now is not None:
            self._last[here] = now
        place = panels.index(here) + by if here is not None else 0
        for n in range(len(panels)):
            panel = panels[(place + n * by) % len(panels)]
            wanted = self._last.get(panel)
            if wanted is None or sip.isdeleted(wanted) or not _takes_keys(wanted):
                wanted = next(_stops(panel), None)
            if wanted is not None:
                panel.activateWindow()
                wanted.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def _panels(self) -> list[QWidget]:
        """Those that are seen, from left to right and from above to below."""
        window = self._window
        middle = window.centralWidget()
        panels = window.panels
        docks = (*panels.docks.values(), *panels.editors.docks)
        every = [window.transport, middle, *(dock.widget() for dock in docks)]
        seen = [one for one in every if one is not None and not one.visibleRegion().isEmpty()]
        return sorted(seen, key=_corner)


def _corner(widget: QWidget) -> tuple[int, int]:
    where = widget.mapToGlobal(QPoint(0, 0))
    return where.x(), where.y()


def _holds(panel: QWidget, widget: QWidget) -> bool:
    return panel is widget or panel.isAncestorOf(widget)


def _takes_keys(widget: QWidget) -> bool:
    by_tab = widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value
    return bool(by_tab) and widget.isVisible() and widget.isEnabled()


def _stops(panel: QWidget) -> Iterator[QWidget]:
    """What the Tab key finds in it, from its first."""
    one: QWidget | None = panel
    while one is not None:
        if _holds(panel, one) and _takes_keys(one):
            yield one
        one = one.nextInFocusChain()
        if one is panel:
            return
