# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slot is called: as the song says, else as its plugin calls itself."""

from msgspec.structs import replace

from host.desk.edits import short_name
from host.host import Host
from host.song import Slot, Song, with_slots
from ipc.errors import IsoboothError


def slot_name(host: Host, slot: Slot) -> str:
    if slot.name:
        return slot.name
    try:
        description = host.description(slot.id)
    except IsoboothError:  # it is being made or taken away just now
        description = None
    return (description.name if description is not None else "") or short_name(slot.plugin)


def with_name(host: Host, song: Song, slot_id: str | None) -> Song:
    """The song with a name in that slot, if it has it: to tell a user of it."""
    return with_slots(
        song,
        {
            slot.id: replace(slot, name=slot_name(host, slot))
            for _, slot in song.slots()
            if slot.id == slot_id
        },
    )
