# SPDX-License-Identifier: GPL-3.0-or-later
"""Editors of VST3 and LV2 plugins lie beside what plays: values go both ways between the two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.stress.display import is_there, virtual_display
from host.stress.rig import Rig, open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import (
    CloseEditor,
    Idle,
    OpenEditor,
    ReadParameters,
    Recreate,
    ResizeEditor,
    SetParameter,
)
from tests.fixtures.build import fixture_vst3
from tests.fixtures.lv2_bundle import make_lv2_bundle

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not is_there(), reason="there is no Xvfb on this machine (package xvfb)"),
]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    make_lv2_bundle(tmp_path / ".lv2")
    with Workshop(timeout_s=30.0, environment={"HOME": str(tmp_path)}) as made:
        yield made


def _plugin(plugin_format: str) -> str:
    if plugin_format == "lv2":
        return "lv2:urn:isobooth:planted:editor"
    return f"vst3:{fixture_vst3('vst3_fixture')}"


def _value(rig: Rig) -> float:
    return rig.perform([ReadParameters()])[0].values[0]


@pytest.mark.parametrize(("plugin_format", "edited"), [("vst3", 1.0), ("lv2", 0.75)])
def test_what_is_turned_in_an_editor_is_turned_in_what_plays(
    workshop: Workshop, plugin_format: str, edited: float
) -> None:
    with (
        virtual_display() as shown,
        open_rig(workshop, _plugin(plugin_format), display=shown.name) as rig,
    ):
        assert _value(rig) != edited
        assert not rig.perform([OpenEditor()])[0].refused
        rig.perform([Idle()])
        assert _value(rig) == pytest.approx(edited)


@pytest.mark.parametrize("plugin_format", ["vst3", "lv2"])
def test_an_editor_is_as_large_as_it_wants_and_as_it_is_told(
    workshop: Workshop, plugin_format: str
) -> None:
    with (
        virtual_display() as shown,
        open_rig(workshop, _plugin(plugin_format), display=shown.name) as rig,
    ):
        for _ in range(2):
            assert rig.perform([OpenEditor()])[0].values == [300.0, 200.0]
            assert rig.perform([ResizeEditor(400, 260)])[0].values == [400.0, 260.0]
            assert not rig.perform([SetParameter(0, 0.5)])[0].refused
            assert "is open already" in rig.perform([OpenEditor()])[0].refused
            rig.perform([CloseEditor()])
            assert "not open" in rig.perform([ResizeEditor(400, 260)])[0].refused


@pytest.mark.parametrize("plugin_format", ["vst3", "lv2"])
def test_an_editor_that_is_open_ends_with_its_plugin(
    workshop: Workshop, plugin_format: str
) -> None:
    with (
        virtual_display() as shown,
        open_rig(workshop, _plugin(plugin_format), display=shown.name) as rig,
    ):
        assert not rig.perform([OpenEditor()])[0].refused
        assert not rig.perform([Recreate(sample_rate=44100.0, max_frames=64)])[0].refused
        assert rig.perform([OpenEditor()])[0].values == [300.0, 200.0]
