# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds notes and side-chains that a song sends to plugins which have no ear for them.

Such a song plays, and sounds as if the input were not there: nothing else would say why.
"""

from collections.abc import Iterator, Mapping

from host.song import Slot, Song, Track
from ipc.description import PluginDescription

Descriptions = Mapping[str, PluginDescription | None]


def unheard_inputs(song: Song, loaded: Descriptions) -> Iterator[str]:
    """A line each. `loaded`: by slot id; of a plugin that did not load, None, nothing is said."""
    for track in song.tracks:
        yield from _unheard_notes(track, loaded)
        yield from _unheard_keys(track.label, track.chain, loaded)
    yield from _unheard_keys("master", song.master.chain, loaded)


def _unheard_notes(track: Track, loaded: Descriptions) -> Iterator[str]:
    if track.midi is not None:
        what = f"the notes of {track.midi.file}"
    elif track.chain and track.input is not None and track.input.midi is not None:
        what = f"the notes of {track.input.midi}"
    else:
        return
    plugins = [loaded.get(slot.id) for slot in track.chain]
    if all(plugin is not None and not plugin.accepts_midi for plugin in plugins):
        yield f"{track.label}: {what} are not heard: no plugin of its chain takes MIDI"


def _unheard_keys(label: str, chain: tuple[Slot, ...], loaded: Descriptions) -> Iterator[str]:
    for slot in chain:
        plugin = loaded.get(slot.id)
        if slot.sidechain is not None and plugin is not None and not plugin.sidechain_channels:
            yield (
                f"{label}, slot {slot.label}: {slot.plugin} has no side-chain input; "
                f"{slot.sidechain} is not heard there"
            )
