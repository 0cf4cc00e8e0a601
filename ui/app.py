# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the window and runs it."""

import signal
import sys

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from ui.desk import Desk
from ui.first_paint import FirstPaint
from ui.link import Link
from ui.settings import Settings
from ui.theme.theme import Theme
from ui.window import Window

_SIGNALS_MS = 200


def run(socket: str, tell_first_paint: bool = False) -> int:
    """Shows the host at `socket` until the window is closed. The exit code."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("isobooth")
    application.setDesktopFileName("isobooth")
    settings = Settings()
    theme = Theme(settings.theme, reduced_motion=settings.reduced_motion)
    theme.apply()
    link = Link()
    desk = Desk(link)
    window = Window(desk, theme, settings)
    if tell_first_paint:
        first = FirstPaint(window)
        first.happened.connect(lambda: print("painted", flush=True))
    if not settings.is_known:
        window.panels.show_welcome()
    window.show()
    desk.attach()
    link.open(socket)
    # From a terminal Ctrl+C closes it as its button does; Python sees signals only now and then.
    signal.signal(signal.SIGINT, lambda *_: window.close())
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(_SIGNALS_MS)
    return application.exec()
