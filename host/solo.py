# SPDX-License-Identifier: GPL-3.0-or-later
"""What the solo of some tracks silences: what is not on their way to the master, and of that what
nothing heard listens to.

Side-chains hear a strip before its mute, so a key that is silenced keys on. A group that serves
as a key does not: its members must not be muted with it. They are not heard either, because all
they reach is that group.
"""

from host.song import MASTER, Slot, Song, Track


def soloed_out(song: Song) -> frozenset[str]:
    """Ids of the tracks to mute; none if no track is solo."""
    by_id = {track.id: track for track in song.tracks}

    def way(of: Track) -> set[str]:
        ids = {of.id}
        while of.output != MASTER:
            of = by_id[of.output]
            ids.add(of.id)
        return ids

    ways = {track.id: way(track) for track in song.tracks}
    soloed = [track.id for track in song.tracks if track.solo]
    if not soloed:
        return frozenset()
    heard = {
        track
        for track in ways
        if any(track in ways[solo] or solo in ways[track] for solo in soloed)
    }
    keys = _keys_of(song, heard)
    return frozenset(
        track.id for track in song.tracks if track.id not in heard and track.output not in keys
    )


def _keys_of(song: Song, heard: set[str]) -> set[str]:
    """Tracks that are unheard, but needed by a key of what is heard."""
    keys: set[str] = set()
    found = _listened_to(song.master.chain)
    for track in song.tracks:
        if track.id in heard:
            found |= _listened_to(track.chain)
    while found := found - heard - keys:
        keys |= found
        found = {track.id for track in song.tracks if track.output in found}.union(
            *(_listened_to(track.chain) for track in song.tracks if track.id in found)
        )
    return keys


def _listened_to(chain: tuple[Slot, ...]) -> set[str]:
    return {slot.sidechain for slot in chain if slot.sidechain is not None}
