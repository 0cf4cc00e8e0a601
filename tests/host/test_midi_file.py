# SPDX-License-Identifier: GPL-3.0-or-later
"""A MIDI file plays at its own tempo, leaves no note sounding, or is refused in one line."""

import struct
import time
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host import midi_file
from host.midi_file import EVENT_DTYPE, MidiClip, read_midi
from ipc.errors import InputError

RATE = 48000
ON, OFF, CONTROL = 0x90, 0x80, 0xB0


def note(kind: str, pitch: int, ticks: int = 0, **more: int) -> Any:
    return mido.Message(kind, note=pitch, time=ticks, **more)


def tempo(bpm: float, ticks: int = 0) -> Any:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=ticks)


def saved(path: Path, *tracks: list[Any], kind: int = 1, division: int = 480) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file.save(path / "a.mid")
    return path / "a.mid"


def rows(clip: MidiClip) -> list[tuple[int, ...]]:
    assert clip.events.dtype == EVENT_DTYPE
    assert clip.events.ndim == 1
    frames = clip.events["frame"]
    assert (np.diff(frames) >= 0).all()
    assert len(frames) == 0 or (frames[0] >= 0 and frames[-1] <= clip.length_frames)
    return [tuple(int(value) for value in row) for row in clip.events.tolist()]


def refused(path: Path, **options: int) -> str:
    with pytest.raises(InputError) as caught:
        read_midi(path, RATE, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ""),
        ({"channel": 3}, ""),
        ({"channel": 9}, "has nothing on channel 9; there is something on 2, 3"),
        ({"track": 0}, "has nothing on track 0; there is something on 1, 2"),
        ({"track": 0, "channel": 3}, "has nothing on track 0; there is something on 1, 2"),
        (
            {"track": 1, "channel": 3},
            "has nothing on channel 3 of track 1; there is something on 2",
        ),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_there_is(
    tmp_path: Path, options: dict[str, int], said: str
) -> None:
    path = saved(
        tmp_path,
        [tempo(120)],
        [note("note_on", 60, channel=1), note("note_off", 60, 480, channel=1)],
        [note("note_on", 60, channel=2), note("note_off", 60, 480, channel=2)],
    )
    assert read_midi(path, RATE, **options).silence == said


def test_a_file_without_notes_says_so(tmp_path: Path) -> None:
    assert read_midi(saved(tmp_path, [tempo(120)]), RATE).silence == "has no notes"


def test_messages_keep_their_bytes_and_get_their_frames(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [
            note("note_on", 60, 0, velocity=100, channel=2),
            mido.Message("control_change", control=7, value=90, time=240),
            mido.Message("pitchwheel", pitch=-8192, time=240),
            mido.Message("program_change", program=12, channel=15),
            mido.Message("aftertouch", value=3),
            mido.Message("polytouch", note=60, value=4),
            note("note_off", 60, 480, velocity=11, channel=2),
        ],
        kind=0,
    )
    clip = read_midi(path, RATE)
    assert rows(clip) == [
        (0, 0x92, 60, 100),
        (12000, 0xB0, 7, 90),
        (24000, 0xE0, 0, 0),
        (24000, 0xCF, 12, 0),
        (24000, 0xD0, 3, 0),
        (24000, 0xA0, 60, 4),
        (48000, 0x82, 60, 11),
    ]
    assert (clip.length_frames, clip.closed_notes, clip.skipped_sysex) == (48000, 0, 0)
    assert clip.sample_rate == RATE


def test_tracks_are_merged_and_follow_the_tempo_of_the_file(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [tempo(60), tempo(120, 960), tempo(240, 960)],
        [note("note_on", 60, 480), note("note_off", 60, 960)],
        [note("note_on", 50, 960), note("note_off", 50, 1920)],
    )
    assert rows(read_midi(path, RATE)) == [
        (48000, ON, 60, 64),
        (96000, ON, 50, 64),
        (96000 + 24000, OFF, 60, 64),
        (96000 + 48000 + 24000, OFF, 50, 64),
    ]


def test_messages_of_one_tick_keep_the_order_of_the_file(tmp_path: Path) -> None:
    first = [mido.Message("control_change", control=index, value=1) for index in range(5)]
    second = [mido.Message("control_change", control=index, value=2) for index in range(5)]
    clip = read_midi(saved(tmp_path, first, second), RATE)
    assert [row[2:] for row in rows(clip)] == [(i, 1) for i in range(5)] + [
        (i, 2) for i in range(5)
    ]


def test_a_note_on_without_velocity_is_a_note_off(tmp_path: Path) -> None:
    path = saved(tmp_path, [note("note_on", 60), note("note_on", 60, 480, velocity=0)])
    assert rows(read_midi(path, RATE)) == [(0, ON, 60, 64), (24000, OFF, 60, 64)]


def test_what_is_held_at_the_end_is_released(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [
            note("note_on", 60, channel=3),
            note("note_on", 60, channel=3),
            note("note_on", 62),
            note("note_off", 62, 10),
            note("note_off", 62, 10),
            note("note_on", 62),
            mido.Message("control_change", control=64, value=127, channel=5),
            mido.Message("control_change", control=66, value=127),
            mido.Message("control_change", control=66, value=0),
            mido.MetaMessage("end_of_track", time=460),
        ],
    )
    clip = read_midi(path, RATE)
    assert rows(clip)[-4:] == [
        (24000, OFF | 3, 60, 64),
        (24000, OFF | 3, 60, 64),
        (24000, OFF, 62, 64),
        (24000, CONTROL | 5, 64, 0),
    ]
    assert (clip.closed_notes, clip.length_frames) == (4, 24000)


def test_the_length_is_the_end_of_the_longest_track(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [note("note_on", 60), note("note_off", 60, 10)],
        [mido.MetaMessage("end_of_track", time=960)],
    )
    assert read_midi(path, RATE).length_frames == 48000


def test_sysex_is_left_out_and_counted(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [mido.Message("sysex", data=[1, 2, 3]), mido.MetaMessage("lyrics", text="la")],
        [mido.Message("sysex", data=[])],
    )
    clip = read_midi(path, RATE)
    assert (rows(clip), clip.skipped_sysex) == ([], 2)


def test_one_track_or_one_channel_can_be_picked(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [tempo(60)],
        [note("note_on", 60, channel=0), note("note_on", 61, channel=9)],
        [note("note_on", 62, channel=9), mido.MetaMessage("end_of_track", time=480)],
    )

    def pitches(**options: int) -> list[int]:
        clip = read_midi(path, RATE, **options)
        assert clip.length_frames == 48000  # the file's tempo and length stay
        return [row[2] for row in rows(clip) if row[1] & 0xF0 == ON]

    assert pitches() == [60, 61, 62]
    assert pitches(track=1) == [60, 61]
    assert pitches(channel=10) == [61, 62]
    assert pitches(track=2, channel=10) == [62]
    assert pitches(track=0) == []
    assert refused(path, track=3) == "has no track 3; it has 3, from 0"


def test_the_patterns_of_a_type_2_file_follow_one_another(tmp_path: Path) -> None:
    pattern = [note("note_on", 60), note("note_off", 60, 480)]
    path = saved(tmp_path, [tempo(60), *pattern], pattern, kind=2)
    clip = read_midi(path, RATE)
    assert [row[:2] for row in rows(clip)] == [(0, ON), (48000, OFF), (48000, ON), (72000, OFF)]
    assert clip.length_frames == 72000
    assert read_midi(path, RATE, track=1).length_frames == 24000


def test_film_time_is_understood(tmp_path: Path) -> None:
    path = saved(tmp_path, [note("note_on", 60, 1000), note("note_off", 60, 500)])
    data = bytearray(path.read_bytes())
    struct.pack_into(">h", data, 12, (-25 << 8) | 40)
    path.write_bytes(data)
    assert [row[0] for row in rows(read_midi(path, RATE))] == [48000, 72000]


def test_what_is_no_midi_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mid"
    assert refused(path) == "no such file"
    path.touch()
    assert refused(path) == "is empty, expected a MIDI file"
    path.write_text("RIFF and no more")
    assert refused(path) == "is not a MIDI file"
    path.write_bytes(b"MThd" + struct.pack(">Ihhh", 6, 3, 1, 480) + b"MTrk" + bytes(4))
    assert refused(path) == "is a MIDI file of type 3; 0, 1 and 2 can be read"
    path.write_bytes(b"MThd" + struct.pack(">Ihhh", 6, 1, 0, 480))
    assert refused(path) == "is a MIDI file without tracks"
    path.write_bytes(b"MThd" + struct.pack(">Ihhh", 6, 1, 1, 0) + b"MTrk" + bytes(4))
    assert refused(path) == "is a damaged MIDI file: a time division of 0 ticks in a beat"
    assert refused(tmp_path) == "is a folder, expected a MIDI file"
    monkeypatch.setattr(midi_file, "MAX_MIDI_BYTES", 10)
    assert "more than the 0 MB that a MIDI file may have" in refused(path)


def test_a_file_that_is_cut_short_is_refused_wherever_the_cut(tmp_path: Path) -> None:
    path = saved(tmp_path, [note("note_on", 60), note("note_off", 60, 480)])
    whole = path.read_bytes()
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        assert refused(path) == "is a MIDI file that is cut short"


def test_a_damaged_byte_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, [note("note_on", 60), note("note_off", 60, 480)])
    path.write_bytes(path.read_bytes().replace(b"\x90\x3c", b"\x90\xbc"))
    assert refused(path) == "is a damaged MIDI file: data byte must be in range 0..127"


def test_a_number_without_an_end_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    head = b"MThd" + struct.pack(">Ihhh", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", 4_000_000)
    path.write_bytes(head + b"\xff" * 4_000_000)
    start = time.monotonic()
    assert refused(path) == "is a damaged MIDI file: a number without an end"
    assert time.monotonic() - start < 5


def test_a_file_of_more_than_a_day_is_damage(tmp_path: Path) -> None:
    path = saved(tmp_path, [note("note_on", 60, 0x0FFFFFFF)], division=1)
    assert refused(path) == "is a damaged MIDI file: longer than a day"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_clip_or_an_input_error(tmp_path: Path, data: st.DataObject) -> None:
    path = saved(
        tmp_path,
        [tempo(100), mido.MetaMessage("key_signature", key="Ab"), mido.Message("sysex", data=[1])],
        [note("note_on", 60), note("note_on", 61, 100), note("note_off", 60, 480)],
    )
    content = bytearray(path.read_bytes())
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(4, len(content) - 1), st.integers(0, 255)), max_size=5)
    ):
        content[position] = value
    path.write_bytes(content[: data.draw(st.integers(4, len(content)))])
    options = data.draw(st.sampled_from([{}, {"track": 0}, {"track": 1, "channel": 1}]))
    try:
        clip = read_midi(path, RATE, **options)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        rows(clip)
