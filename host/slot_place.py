# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a slot's mistake stands: the field of the song's file, so that it is mended there.

A song that is in no file (of a program, or of `--chain`) names its track and slot instead.
"""

from host.json_fields import joined
from host.song import MASTER, Slot, Song


def slot_place(song: Song, slot_id: str, field: str) -> str:
    """What a message about a slot of the song begins with, without its colon. `field`: within the
    slot, such as "plugin"."""
    path = next(path for path, slot in song.slots() if slot.id == slot_id)
    if song.source:
        return f"{song.source}: {path}.{field}" if field else f"{song.source}: {path}"
    owners = (track for track in song.tracks if any(slot.id == slot_id for slot in track.chain))
    owner = next(owners, None)
    strip = MASTER if owner is None else f"track {owner.id}"
    where = f"{strip}, slot {slot_id}"
    return where if field in ("", "plugin") else f"{where}: {field}"


def rejected_field(slot: Slot, line: str) -> tuple[str, str]:
    """The field that a plugin did not take, and its words, of a line of
    `Loaded.parameters_rejected`; "" where it is about none."""
    fields = {} if slot.program is None else {f"program {slot.program}": "program"}
    for name in slot.parameters:
        fields.setdefault(name, joined("parameters", name))
    for name in sorted(fields, key=len, reverse=True):  # a name may begin another one
        if line.startswith(f"{name}: "):
            return fields[name], line.removeprefix(f"{name}: ")
    return "", line
