# SPDX-License-Identifier: GPL-3.0-or-later
"""Which plugins there are to stress, told apart by what is written on them."""

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from ipc.desk.requests import Catalogue
from ipc.desk.state import CatalogueEntry, DeskState, SlotState, TrackState
from ipc.status import SlotStatus
from ui.desk import Desk
from ui.link import Link
from ui.pages.plugin_picker import PluginPicker
from ui.theme.theme import Theme


def _state(*plugins: tuple[str, str]) -> DeskState:
    slots = tuple(
        SlotState(id=f"s{n}", plugin=plugin, name=name, status=SlotStatus.ACTIVE, pid=1)
        for n, (plugin, name) in enumerate(plugins)
    )
    track = TrackState(id="a", name="A", kind="audio", slots=slots)
    return msgspec.structs.replace(DeskState(), tracks=(track,))


@pytest.fixture
def desk(qapp: object) -> Desk:
    return Desk(Link())


@pytest.fixture
def picker(desk: Desk, theme: Theme, qtbot: QtBot) -> PluginPicker:
    picker = PluginPicker(desk, theme)
    qtbot.addWidget(picker)
    picker.show()
    return picker


def _texts(picker: PluginPicker) -> list[str]:
    return [chip.text() for chip in picker._chips.values()]


def test_the_same_plugin_in_two_formats_is_told_apart(desk: Desk, picker: PluginPicker) -> None:
    raw = "urn:zamaudio:ZamDelay"
    desk.show(_state(("vst3:/p/ZamDelay.vst3", "ZamDelay"), (f"lv2:{raw}", raw)))
    assert _texts(picker) == ["ZamDelay · vst3", "ZamDelay · lv2"]


def test_the_catalogue_knows_better_what_a_plugin_is_called(
    desk: Desk, picker: PluginPicker
) -> None:
    desk.show(_state(("lv2:urn:x:1234", "urn:x:1234"), ("clap:/p/a.clap", "A & B")))
    assert _texts(picker) == ["1234 · lv2", "A && B · clap"]
    entry = CatalogueEntry(
        id="lv2:urn:x:1234", name="Fine Reverb", format="lv2", kind="effect", status="ok"
    )
    picker._on_catalogue(Catalogue((entry,)))
    assert _texts(picker)[0] == "Fine Reverb · lv2"
    assert picker._chips["clap:/p/a.clap"].accessibleName() == "A & B · clap"


def test_many_plugins_leave_room_for_the_field(desk: Desk, picker: PluginPicker) -> None:
    desk.show(_state(*((f"lv2:urn:x:{n}", f"Plugin {n}") for n in range(60))))
    picker.resize(400, 190)
    assert picker._box.height() < 130
    assert not picker._box.geometry().intersects(picker.field.geometry())
