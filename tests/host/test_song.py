# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistake in a song is one line that names the field, says what it is and what it should be."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.song import MASTER, OnMiss, Song
from host.song_file import parse_song, song_objects
from ipc.errors import InputError

SLOT = ("tracks", 0, "chain", 0)


def minimal() -> dict[str, Any]:
    """Two tracks, one slot: what the cases below damage in one place."""
    return {
        "format": "isobooth-song",
        "version": 1,
        "tracks": [
            {"id": "drums", "chain": [{"id": "eq", "plugin": "vst3:/x/ZamEQ2.vst3"}]},
            {"id": "bus"},
        ],
    }


def put(*path: Any) -> dict[str, Any]:
    """The minimal song with one value (the last argument) put at a path."""
    *parents, key, value = path
    song = minimal()
    place: Any = song
    for parent in parents:
        place = place[parent]
    place[key] = value
    return song


def message_of(data: Any) -> str:
    with pytest.raises(InputError) as caught:
        parse_song(data, "song.json")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_what_is_not_written_has_the_documented_defaults() -> None:
    song = parse_song(minimal(), "song.json")
    assert (song.sample_rate, song.tempo, song.time_signature) == (48000, 120.0, (4, 4))
    assert song.length_s is None
    assert song.tail_s is None
    drums = song.tracks[0]
    assert (drums.gain_db, drums.pan, drums.mute, drums.solo) == (0.0, 0.0, False, False)
    assert (drums.output, drums.pipelined, drums.label) == (MASTER, False, "drums")
    assert (drums.audio, drums.midi, drums.input) == (None, None, None)
    slot = drums.chain[0]
    assert (slot.parameters, slot.state, slot.program) == ({}, None, None)
    assert (slot.bypassed, slot.on_miss, slot.sidechain) == (False, OnMiss.AUTO, None)
    assert slot.plugin_id.path == "/x/ZamEQ2.vst3"


def test_whole_numbers_and_floats_stand_for_each_other_where_they_are_equal() -> None:
    song = parse_song({**minimal(), "tempo": 90, "sample_rate": 44100.0}, "song.json")
    assert type(song.tempo) is float
    assert type(song.sample_rate) is int


def test_state_is_base64_in_the_file_and_bytes_in_the_song() -> None:
    song = parse_song(put(*SLOT, "state", "AAEC/w=="), "song.json")
    assert song.tracks[0].chain[0].state == b"\x00\x01\x02\xff"
    assert song_objects(song)["tracks"][0]["chain"][0]["state"] == "AAEC/w=="


def test_parameters_are_positions_or_the_plugins_own_text() -> None:
    values = {"Freq 1": "2500 Hz", "0": 1, "Größe": 0.25}
    song = parse_song(put(*SLOT, "parameters", values), "song.json")
    assert song.tracks[0].chain[0].parameters == values


def test_every_slot_is_named_by_its_path() -> None:
    data = minimal()
    data["master"] = {"chain": [{"id": "lim", "plugin": "builtin:gain"}]}
    paths = [path for path, _ in parse_song(data, "song.json").slots()]
    assert paths == ["tracks[0].chain[0]", "master.chain[0]"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            put(*SLOT, "plugin", "foo"),
            "tracks[0].chain[0].plugin: "
            'expected an id such as "vst3:/usr/lib/vst3/X.vst3", got "foo"',
        ),
        (put(*SLOT, "plugin", None), "tracks[0].chain[0].plugin: expected an id such as"),
        (
            put("tracks", 0, "gian_db", 0),
            'tracks[0].gian_db: unknown field; did you mean "gain_db"?',
        ),
        (put("zzz", 0), "zzz: unknown field; known here: format, version, name"),
        (put("folder", "/tmp"), "folder: unknown field"),
        (put("a b", 0), '["a b"]: unknown field'),
        (
            put("tracks", 0, "gain_db", 99),
            "tracks[0].gain_db: expected a level from -120 to +24 dB, got 99",
        ),
        (put("tracks", 0, "gain_db", float("nan")), "got NaN"),
        (put("tracks", 0, "gain_db", float("-inf")), "got -Infinity"),
        (put("tracks", 0, "gain_db", True), "got true"),
        (put("tracks", 0, "gain_db", "0"), 'got "0"'),
        (put("tracks", 0, "gain_db", 10**400), "got a number of more than 20 digits"),
        (put("tracks", 0, "pan", -1.01), "tracks[0].pan: expected a position from -1 (left)"),
        (put("tracks", 0, "mute", 1), "tracks[0].mute: expected true or false, got 1"),
        (put("tracks", 0, "id", "Drums"), "tracks[0].id: expected an id of 1 to 64 characters"),
        (put("tracks", 0, {}), "tracks[0].id: missing; expected an id"),
        (put("tracks", 0, []), "tracks[0]: expected an object with fields such as id, name"),
        (put("tracks", {}), "tracks: expected a list of tracks, got an object"),
        (put("tracks", 0, "midi", {}), "tracks[0].midi.file: missing; expected the path"),
        (put("tracks", 0, "midi", {"file": "a", "channel": 0}), "midi.channel: expected a MIDI"),
        (put("tracks", 0, "midi", {"file": "a", "track": -1}), "midi.track: expected a track"),
        (put("tracks", 0, "audio", {"file": ""}), "tracks[0].audio.file: expected the path"),
        (put("tracks", 0, "audio", {"file": "a\0"}), "audio.file: holds a control character"),
        (put("tracks", 0, "audio", {"file": "a", "start_s": -1}), "audio.start_s: expected a time"),
        (put("tracks", 0, "audio", "a.wav"), 'got "a.wav"'),
        (put("tracks", 0, "input", {"channels": [1, 2, 3]}), "got a list of 3"),
        (put("tracks", 0, "input", {"channels": [0]}), "tracks[0].input.channels[0]: expected"),
        (put(*SLOT, "parameters", {"Gain": 1.5}), 'parameters["Gain"]: expected a number from 0'),
        (put(*SLOT, "parameters", {"Gain": ""}), 'parameters["Gain"]: expected the value as'),
        (put(*SLOT, "parameters", {"Gain": None}), "got null"),
        (put(*SLOT, "parameters", {"": 1}), 'parameters[""]: expected a parameter'),
        (put(*SLOT, "parameters", {1: 1}), "parameters: expected an object of parameters"),
        (put(*SLOT, "state", "***"), "tracks[0].chain[0].state: not base64"),
        (put(*SLOT, "state", "ä"), "tracks[0].chain[0].state: not base64"),
        (put(*SLOT, "on_miss", "wet"), 'expected one of "auto", "dry", "silence", got "wet"'),
        (put(*SLOT, "program", -1), "program: expected a program's index"),
        (put(*SLOT, "program", 0.5), "got 0.5"),
        (put("time_signature", [4]), "time_signature: expected a list of two numbers"),
        (put("time_signature", [0, 4]), "time_signature[0]: expected a whole number of beats"),
        (put("time_signature", [4, 3]), "time_signature[1]: expected one of 1, 2, 4"),
        (put("sample_rate", 7999), "sample_rate: expected a sample rate from 8000 to 192000 Hz"),
        (put("sample_rate", 44100.5), "sample_rate: expected a sample rate"),
        (put("tempo", 9.9), "tempo: expected a tempo from 10 to 999 beats a minute, got 9.9"),
        (put("length_s", 0), "length_s: expected a time above 0"),
        (put("loop", {"start_s": 0}), "loop.end_s: missing"),
        (put("loop", {"start_s": 2, "end_s": 2}), "loop.end_s: expected a time after 2 s"),
        (put("tail_s", -0.1), "tail_s: expected a time from 0"),
        (put("master", None), "master: expected an object with fields such as chain, gain_db"),
        (put("name", "a\nb"), 'name: holds a control character: "a\\nb"'),
        (put("name", "\ud800"), 'name: holds a control character: "\\ud800"'),
        (put("name", "x" * 201), "name: expected text of at most 200 characters"),
        (put("format", "midi"), 'format: expected "isobooth-song", got "midi"'),
        (put("version", 2), "made by a newer Isobooth (version 2); this one reads 1"),
        (put("version", 0), "version: expected 1, got 0"),
        (put("version", True), "version: expected 1, got true"),
        (put("version", "1"), 'version: expected 1, got "1"'),
        ({}, 'format: expected "isobooth-song", got none'),
        ({"format": "isobooth-song"}, "version: expected 1, got none"),
    ],
)
def test_a_mistake_is_named_by_its_path(data: dict[str, Any], message: str) -> None:
    got = message_of(data)
    assert got.startswith("song.json: ")
    assert message in got


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1,\n "b": }', "not JSON: line 2, column 7: expecting value"),
        (b"", "not JSON: line 1, column 1"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (b"[" * 200_000, "brackets are nested too deep"),
        (b"[]", "expected a song, an object, got a list"),
        (b"null", "got null"),
        (b"9" * 10_000, "expected a song"),
        (b'{"format": "isobooth-song", "version": 1, "tempo": NaN}', "tempo: expected a tempo"),
        (b'{"format": "isobooth-song", "version": 1, "tempo": 1e999}', "got Infinity"),
        (b'{"format": "isobooth-song", "version": 1, "name": "a", "name": "b"}', "name: stands"),
        (
            b'{"format": "isobooth-song", "version": 1, "tracks": [{"id": "a", "id": "b"}]}',
            "tracks[0].id: stands here twice",
        ),
        (b'{"format": "isobooth-song", "version": 99999999999999999999999}', "newer Isobooth"),
    ],
)
def test_text_that_is_no_song_is_refused_in_one_line(text: bytes, message: str) -> None:
    assert message in message_of(text)


def test_a_byte_order_mark_is_no_mistake() -> None:
    text = json.dumps(minimal())
    assert parse_song(b"\xef\xbb\xbf" + text.encode(), "s") == parse_song(text, "s")


# Values near enough to the real ones to get past the first check.
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["drums", "bus", "master", "builtin:gain", "AA==", "a.wav"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["id", "file", "chain", "plugin", "parameters"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def only_input_errors(parse: Callable[[], Song]) -> Song | None:
    try:
        return parse()
    except InputError as error:
        message = str(error)
        message.encode()  # every terminal can show it
        assert len(message.splitlines()) == 1
        assert len(message) < 1000
        return None


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_song_or_an_input_error(data: bytes) -> None:
    only_input_errors(lambda: parse_song(data, "song.json"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_song_with_anything_in_any_place_is_a_song_or_an_input_error(data: st.DataObject) -> None:
    """Every field of every object in turn, replaced or added to; what passes must save and load."""
    song: Any = copy.deepcopy(FULL)
    place: Any = song
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys) if keys else st.just(None))
        inside = place[key] if key is not None else None
        if isinstance(inside, dict | list) and inside and data.draw(st.booleans()):
            place = inside
            continue
        value = data.draw(_json)
        if isinstance(place, dict):
            place[key if key is not None else data.draw(st.text(max_size=5))] = value
        elif key is not None:
            place[key] = value
        break
    parsed = only_input_errors(lambda: parse_song(song, "song.json"))
    if parsed is not None:
        assert parse_song(json.dumps(song_objects(parsed)), "song.json") == parsed


@given(st.dictionaries(st.text(max_size=8) | st.integers() | st.none(), _json))
def test_any_dict_is_a_song_or_an_input_error(data: dict[Any, Any]) -> None:
    header = {"format": "isobooth-song", "version": 1}
    only_input_errors(lambda: parse_song(data, "song.json"))
    only_input_errors(lambda: parse_song({**header, **data}, "song.json"))


FULL: dict[str, Any] = {
    **minimal(),
    "name": "Full",
    "sample_rate": 44100,
    "tempo": 96.5,
    "time_signature": [6, 8],
    "length_s": 10.0,
    "tail_s": 1.0,
    "tracks": [
        {
            "id": "drums",
            "name": "Drums",
            "audio": {"file": "a.wav", "start_s": 1.0, "gain_db": -3.0, "loop": True},
            "midi": {"file": "a.mid", "start_s": 0.0, "track": 1, "channel": 3},
            "input": {"channels": [1, 2], "midi": "port"},
            "chain": [
                {
                    "id": "eq",
                    "plugin": "vst3:/x/ZamEQ2.vst3",
                    "name": "EQ",
                    "parameters": {"Gain": 0.5, "Freq": "120 Hz"},
                    "state": "AAEC",
                    "program": 3,
                    "bypassed": True,
                    "on_miss": "dry",
                    "sidechain": "voice",
                }
            ],
            "gain_db": -1.5,
            "pan": -0.5,
            "mute": True,
            "solo": True,
            "output": "bus",
            "pipelined": True,
        },
        {"id": "voice"},
        {"id": "bus"},
    ],
    "master": {"chain": [{"id": "lim", "plugin": "builtin:gain"}], "gain_db": -0.3},
}
