# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes and side-chains for plugins that have no ear for them are told of, and no others."""

import pytest

from host.song import LiveInput, Master, MidiSource, Slot, Song, Track
from host.unheard_inputs import unheard_inputs
from ipc.description import PluginDescription

NOTES = MidiSource(file="tune.mid")
PORT = LiveInput(midi="piano")


def plugin(midi: bool = False, key_channels: int = 0) -> PluginDescription:
    return PluginDescription(
        id="x", name="x", format="vst3", accepts_midi=midi, sidechain_channels=key_channels
    )


@pytest.mark.parametrize("source", [{"midi": NOTES}, {"input": PORT}], ids=["file", "port"])
def test_notes_need_one_plugin_that_takes_them(source: dict[str, object]) -> None:
    slots = (Slot(id="eq", plugin="builtin:gain"), Slot(id="synth", plugin="builtin:synth"))
    song = Song(tracks=(Track(id="keys", chain=slots, **source),))  # type: ignore[arg-type]
    (line,) = unheard_inputs(song, {"eq": plugin(), "synth": plugin()})
    assert line.startswith("keys: the notes of ")
    assert not list(unheard_inputs(song, {"eq": plugin(), "synth": plugin(midi=True)}))
    assert not list(unheard_inputs(song, {"eq": plugin(), "synth": None}))  # it did not load


def test_notes_of_a_file_need_a_chain() -> None:
    assert list(unheard_inputs(Song(tracks=(Track(id="keys", midi=NOTES),)), {}))
    assert not list(unheard_inputs(Song(tracks=(Track(id="keys", input=PORT),)), {}))


def test_a_side_chain_needs_a_plugin_that_has_one() -> None:
    slots = (Slot(id="duck", plugin="vst3:/x.vst3", sidechain="drums"),)
    song = Song(tracks=(Track(id="drums"),), master=Master(chain=slots))
    (line,) = unheard_inputs(song, {"duck": plugin()})
    assert line == (
        "master, slot duck: vst3:/x.vst3 has no side-chain input; drums is not heard there"
    )
    assert not list(unheard_inputs(song, {"duck": plugin(key_channels=2)}))
    assert not list(unheard_inputs(song, {"duck": None}))
