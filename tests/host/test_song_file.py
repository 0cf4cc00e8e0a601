# SPDX-License-Identifier: GPL-3.0-or-later
"""Songs are loaded with errors of one line and saved whole; the documentation tells the truth."""

import os
import re
from pathlib import Path

import msgspec
import pytest

from host import song_file
from host.song import AudioSource, LiveInput, Master, MidiSource, Slot, Song, Track
from host.song_file import load_song, parse_song, save_song, song_objects
from ipc.errors import InputError, MachineError

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "song-format.md"


def full_example() -> str:
    found = re.search(r"<!-- example -->\n```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_documented_example_is_a_song() -> None:
    song = parse_song(full_example(), "docs/song-format.md")
    assert [track.id for track in song.tracks] == ["drums", "pad", "voice", "band"]
    assert song.tracks[1].chain[1].sidechain == "drums"


def test_all_json_in_the_documentation_is_a_song() -> None:
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        parse_song(block, "docs/song-format.md")


def test_the_documentation_explains_and_shows_every_field() -> None:
    text = DOCUMENTATION.read_text()
    example = full_example()
    for struct in (Song, Track, AudioSource, MidiSource, LiveInput, Slot, Master):
        for field in msgspec.structs.fields(struct):
            if field.name not in ("folder", "source"):  # no part of the file
                assert f"| `{field.name}` |" in text, f"{struct.__name__}.{field.name}"
                assert f'"{field.name}":' in example, f"{struct.__name__}.{field.name}"


def test_the_errors_that_the_documentation_quotes_are_real() -> None:
    text = DOCUMENTATION.read_text()
    song = '{"format": "isobooth-song", "version": 1, "tracks": [%s]}'
    slot = '{"id": "%d", "chain": [{"id": "s", "plugin": "foo"}]}'
    for data in (
        song % ('{"id": "a"}, {"id": "b"}, ' + slot % 3),
        song % '{"id": "a", "gian_db": 0}',
    ):
        with pytest.raises(InputError) as caught:
            parse_song(data, "song.json")
        assert f"{caught.value}\n" in text


def _unnamed(song: Song) -> Song:
    return msgspec.structs.replace(song, source="")


def test_a_saved_song_loads_as_the_same_song(tmp_path: Path) -> None:
    song = parse_song(full_example(), "example", str(tmp_path))
    save_song(song, tmp_path / "song.json")
    assert _unnamed(load_song(tmp_path / "song.json")) == _unnamed(song)
    before = (tmp_path / "song.json").read_bytes()
    save_song(load_song(tmp_path / "song.json"), tmp_path / "song.json")
    assert (tmp_path / "song.json").read_bytes() == before


def test_media_files_start_at_the_songs_folder(tmp_path: Path) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    save_song(Song(folder=str(folder)), folder / "song.json")
    song = load_song(folder / "song.json")
    assert song.locate("audio/a.wav") == folder / "audio" / "a.wav"
    assert song.locate("/abs.wav") == Path("/abs.wav")


def test_a_song_saved_elsewhere_still_finds_its_media(tmp_path: Path) -> None:
    old, new = tmp_path / "album" / "one", tmp_path / "album"
    old.mkdir(parents=True)
    song = Song(
        folder=str(old),
        tracks=(
            Track(id="a", audio=AudioSource(file="a.wav"), midi=MidiSource(file="../m.mid")),
            Track(id="b", audio=AudioSource(file="/abs/b.wav")),
            Track(id="c", audio=AudioSource(file="../../c.wav")),
        ),
    )
    save_song(song, new / "song.json")
    moved = load_song(new / "song.json")
    assert [track.audio.file for track in moved.tracks if track.audio] == [
        "one/a.wav",
        "/abs/b.wav",
        str(tmp_path / "c.wav"),
    ]
    assert moved.tracks[0].midi is not None
    assert moved.tracks[0].midi.file == "m.mid"
    save_song(song, old / "song.json")
    assert _unnamed(load_song(old / "song.json")) == _unnamed(
        song
    )  # in its own folder, names stay as written


def test_an_invalid_song_is_not_saved_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "song.json"
    save_song(Song(name="good"), path)
    for bad, message in (
        (Song(tempo=float("nan")), "song.json: tempo: expected a tempo"),
        (Song(tracks=(Track(id="a", output="b"),)), "tracks[0].output: expected"),
        (Song(name=object()), "cannot be written as JSON"),  # type: ignore[arg-type]
        (Song(name="\ud800"), "name: holds a control character"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            save_song(bad, path)
    assert load_song(path).name == "good"
    assert os.listdir(tmp_path) == ["song.json"]


def test_a_full_disk_while_saving_leaves_the_old_song(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "song.json"
    save_song(Song(name="good"), path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("host.user_file.os.fsync", full)
    with pytest.raises(MachineError, match=r"song.json: cannot be written: the disk is full"):
        save_song(Song(name="new"), path)
    assert load_song(path).name == "good"
    assert os.listdir(tmp_path) == ["song.json"]


def test_a_song_file_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            load_song(path)
        return str(caught.value).removeprefix(str(tmp_path))

    assert refused(tmp_path / "none.json") == "/none.json: no such file"
    assert refused(tmp_path) == ": is a folder, expected a song file"
    empty = tmp_path / "empty.json"
    empty.touch()
    assert refused(empty) == "/empty.json: is empty, expected a song file"
    empty.write_text("{")
    assert refused(empty).startswith("/empty.json: not JSON: line 1, column 2")
    monkeypatch.setattr(song_file, "MAX_SONG_BYTES", 10)
    empty.write_text("x" * 11)
    assert "/empty.json: is 0.0 MB, more than the" in refused(empty)


def test_a_song_made_by_a_program_is_written_with_its_header() -> None:
    assert list(song_objects(Song()))[:2] == ["format", "version"]
    assert "folder" not in song_objects(Song())
