# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of tracks, where the user has chosen none.

They go by the place in the mixer, so that a song has many. What changes places gives each track
that would be seen in another colour the one that it has, as a part of the same edit.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from ipc.desk.requests import AddTrack, AnyEdit, MoveTrack, RemoveTrack, SetTrack
from ipc.desk.state import DeskState, TrackState
from ui.theme.theme import Theme


def keeping_colours(state: DeskState, theme: Theme, *edits: AnyEdit) -> tuple[AnyEdit, ...]:
    """The edits, and what keeps the tracks' colours as they are seen."""
    seen = {track.id: _seen(track, place, theme) for place, track in enumerate(state.tracks)}
    after = [track.id for track in state.tracks]
    done: list[AnyEdit] = []
    for edit in edits:
        if isinstance(edit, AddTrack):
            place = min(edit.index, len(after))
            colour = edit.colour or _free_colour(place, tuple(seen.values()), theme)
            new = f" {len(done)}"  # no id of a track
            after.insert(place, new)
            seen[new] = theme.track_colour(colour, place).name()
            done.append(replace(edit, colour=colour))
            continue
        if isinstance(edit, MoveTrack | RemoveTrack) and edit.track in after:
            after.remove(edit.track)
            if isinstance(edit, MoveTrack):
                after.insert(edit.index, edit.track)
        done.append(edit)
    kept = (
        SetTrack(track=track.id, colour=seen[track.id])
        for track in state.tracks
        if not track.colour
        and track.id in after
        and theme.track_colour("", after.index(track.id)).name() != seen[track.id]
    )
    return (*done, *kept)


def _seen(track: TrackState, place: int, theme: Theme) -> str:
    return theme.track_colour(track.colour, place).name()


def _free_colour(place: int, seen: Sequence[str], theme: Theme) -> str:
    """Of a new track: "" for that of its place, if no other has it; else one that few have."""
    if theme.track_colour("", place).name() not in seen:
        return ""
    count = Counter(seen)
    every = [
        theme.track_colour("", place).name() for place in range(len(theme.tokens.tracks.colours))
    ]
    return min(every, key=lambda colour: count[colour])
