# SPDX-License-Identifier: GPL-3.0-or-later
"""What a track's files hold and no plugin will hear is said, not dropped in silence."""

from pathlib import Path

import mido

from host.media import load_media
from host.song import MidiSource, Song, Track


def _notes(tmp_path: Path, *messages: mido.Message, channel: int | None = None) -> list[str]:
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack(messages))
    file.save(tmp_path / "keys.mid")
    track = Track(id="t", midi=MidiSource(file="keys.mid", channel=channel))
    return load_media(Song(tracks=(track,), folder=str(tmp_path)), track, 48000).notes


def test_system_exclusive_messages_of_a_file_are_counted(tmp_path: Path) -> None:
    sysex = mido.Message("sysex", data=[1, 2, 3])
    note = mido.Message("note_on", note=60)
    assert _notes(tmp_path, sysex, note, sysex) == [
        "keys.mid: its system exclusive messages (2) are left out; plugins get channel messages "
        "only"
    ]


def test_a_file_of_channel_messages_needs_no_words(tmp_path: Path) -> None:
    assert _notes(tmp_path, mido.Message("note_on", note=60)) == []


def test_a_filter_that_leaves_nothing_is_told(tmp_path: Path) -> None:
    note = mido.Message("note_on", note=60)
    assert _notes(tmp_path, note, channel=1) == []
    assert _notes(tmp_path, note, channel=9) == [
        "keys.mid has nothing on channel 9; there is something on 1"
    ]
