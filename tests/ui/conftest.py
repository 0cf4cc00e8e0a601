# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows that nobody sees, and a host for them in the same thread."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from tests.ui.example import example_state
from tests.ui.fake_host import FakeHost
from ui.desk import Desk
from ui.link import Link
from ui.settings import Settings
from ui.theme.theme import Theme
from ui.window import Window

# Before there is an application.
os.environ["QT_QPA_PLATFORM"] = "offscreen"


@dataclass
class Stage:
    """A window that shows the example, and its host."""

    host: FakeHost
    desk: Desk
    theme: Theme
    window: Window
    bot: QtBot

    def settle(self) -> None:
        """Until the host has answered all."""
        self.bot.waitUntil(lambda: not self.desk._link._asked)

    def type_into(self, field: QLineEdit, text: str) -> list[object]:
        """In the place of what stands there. What the host is asked for."""
        self.host.requests.clear()
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        self.settle()
        return list(self.host.requests)


@pytest.fixture
def host(qtbot: QtBot, tmp_path: Path) -> Iterator[FakeHost]:
    host = FakeHost(str(tmp_path / "desk.sock"), example_state())
    yield host
    host.die()


@pytest.fixture
def theme(qapp: object) -> Theme:
    theme = Theme(reduced_motion=True)
    theme.apply()
    return theme


@pytest.fixture
def desk(host: FakeHost, qtbot: QtBot) -> Iterator[Desk]:
    link = Link()
    desk = Desk(link)
    desk.attach()
    link.open(host.path)
    with qtbot.waitSignal(desk.shown):
        pass
    host.requests.clear()
    yield desk
    link.close()


@pytest.fixture
def stage(host: FakeHost, desk: Desk, theme: Theme, qtbot: QtBot, tmp_path: Path) -> Stage:
    window = Window(desk, theme, Settings(tmp_path / "window.ini"))
    qtbot.addWidget(window, before_close_func=_let_close)
    window.show()
    qtbot.waitExposed(window)
    return Stage(host, desk, theme, window, qtbot)


def _let_close(window: Window) -> None:
    """Without a question, when the test is over."""
    if window.files.question is not None:
        window.files.question.close()
    window._may_close = True
