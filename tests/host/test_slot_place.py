# SPDX-License-Identifier: GPL-3.0-or-later
"""A slot's mistake is told with the field of the file, or with track and slot of a song in none."""

import msgspec
import pytest

from host.slot_place import rejected_field, slot_place
from host.song import Master, Slot, Song, Track

SONG = Song(
    tracks=(Track(id="a"), Track(id="b", chain=(Slot(id="eq", plugin="builtin:gain"),))),
    master=Master(chain=(Slot(id="last", plugin="builtin:gain"),)),
)


def test_a_song_in_a_file_is_told_by_its_fields() -> None:
    song = msgspec.structs.replace(SONG, source="x.json")
    assert slot_place(song, "eq", "plugin") == "x.json: tracks[1].chain[0].plugin"
    assert slot_place(song, "last", "program") == "x.json: master.chain[0].program"
    assert slot_place(song, "eq", "") == "x.json: tracks[1].chain[0]"


def test_a_song_in_no_file_is_told_by_track_and_slot() -> None:
    assert slot_place(SONG, "eq", "plugin") == "track b, slot eq"
    assert slot_place(SONG, "last", "program") == "master, slot last: program"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("program 3: none", "program", "none"),
        ("Gain: none", "parameters.Gain", "none"),
        ("Gain: Left: none", 'parameters["Gain: Left"]', "none"),
        ("program 4: none", 'parameters["program 4"]', "none"),
        ("… and more", "", "… and more"),
    ],
)
def test_a_line_of_a_worker_is_about_a_field(line: str, field: str, reason: str) -> None:
    values = {"Gain": 0.5, "Gain: Left": 0.5, "program 4": 0.5}
    slot = Slot(id="s", plugin="builtin:gain", program=3, parameters=values)
    assert rejected_field(slot, line) == (field, reason)
