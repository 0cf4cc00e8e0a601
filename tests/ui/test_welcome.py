# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page beside whatever else is open."""

import pytest
from PyQt6.QtCore import QPoint, QRect

from tests.ui.conftest import Stage
from ui.pages.machine import MachineLine
from ui.pages.parts.folding import Folding

# As long as what `doctor` says of a machine with a few things to mend.
_LINES = [
    MachineLine(
        "warn",
        "Audio device",
        "No output device",
        "Connect one, start JACK or PipeWire, or join the group “audio” (rendering works without)",
    ),
    MachineLine("ok", "Real time", "SCHED_FIFO up to priority 99"),
    MachineLine("ok", "Processor", "2 of 2 usable"),
    MachineLine("warn", "The rest", "Works; could be better: midi ports, preemption", "See doctor"),
]


def _show(stage: Stage, width: int, height: int, panel: str = "") -> None:
    stage.window.resize(width, height)
    stage.window.panels.show_welcome()
    stage.window.panels.welcome._show_lines(_LINES)
    if panel:
        stage.window.panels.show(panel)
    stage.bot.wait(100)


@pytest.mark.parametrize("panel", ["", "scan", "stress", "crashes"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 700), (900, 600)])
def test_no_key_is_cut_off_whatever_is_beside_it(
    stage: Stage, width: int, height: int, panel: str
) -> None:
    _show(stage, width, height, panel)
    page = stage.window.panels._welcome_page
    across = page.horizontalScrollBar()
    assert across is not None and across.maximum() == 0
    view = page.viewport()
    assert view is not None
    tiles = list(stage.window.panels.welcome.tiles.values())
    places = [QRect(tile.mapTo(view, QPoint(0, 0)), tile.size()) for tile in tiles]
    for n, place in enumerate(places):
        assert place.left() >= 0 and place.right() < view.width()
        assert not any(place.intersects(other) for other in places[:n])


def test_all_of_the_first_page_is_seen_at_once(stage: Stage) -> None:
    _show(stage, 1440, 900)
    down = stage.window.panels._welcome_page.verticalScrollBar()
    assert down is not None and down.maximum() == 0


def test_keys_stand_beside_each_other_where_there_is_room(stage: Stage) -> None:
    _show(stage, 1440, 900)
    halves, keys = stage.window.panels.welcome.findChildren(Folding)
    assert (halves.columns, keys.columns) == (2, 2)
    _show(stage, 900, 600, "scan")
    assert (halves.columns, keys.columns) == (1, 1)
