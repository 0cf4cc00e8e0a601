# SPDX-License-Identifier: GPL-3.0-or-later
"""What to call a slot where its track is not in sight: "ZamEQ2 on Drums", never its id."""

from ipc.desk.state import DeskState, SlotState, TrackState


def slot_title(slot: SlotState, track: TrackState) -> str:
    """The plugin's name and the track's."""
    return f"{slot.name} on {track.name}"


def title_of(state: DeskState, slot: str) -> str:
    """Of the slot with that id; "" if the song has none (any more)."""
    for track in (*state.tracks, state.master):
        for one in track.slots:
            if one.id == slot:
                return slot_title(one, track)
    return ""
