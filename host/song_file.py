# SPDX-License-Identifier: GPL-3.0-or-later
"""Songs on disk: read with errors that name the field, written whole or not at all.

Format and version are looked at before anything else: a file of a newer version has unknown fields
too, and "unknown field" would be the wrong thing to say of it.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from host.json_fields import build, decode, error_at, shown
from host.song import FORMAT, VERSION, Song
from host.song_routing import check_routing
from host.user_file import AtomicFile, FilePath, path_text, read_input
from ipc.errors import InputError

# Text holds plugin states of some MB each; a file beyond this is no song, and JSON is read whole.
MAX_SONG_BYTES = 64_000_000


def load_song(path: FilePath) -> Song:
    """Read and check a song file; its relative media files start at its own folder."""
    data = read_input(path, "a song file", MAX_SONG_BYTES)
    return parse_song(data, path_text(path), _folder_of(path))


def parse_song(data: bytes | str | Mapping[str, Any], where: str, folder: str = "") -> Song:
    """A checked song from JSON text or its objects; InputError begins with `where`.

    `folder` is where relative media files start; empty means the current folder.
    """
    objects = decode(data, where) if isinstance(data, bytes | str) else data
    if not isinstance(objects, Mapping):
        raise error_at(where, "", f"expected a song, an object, got {shown(objects)}")
    _check_header(objects, where)
    song = build(Song, objects, where)
    check_routing(song, where)
    if song.loop is not None and song.loop.end_s <= song.loop.start_s:
        raise error_at(
            where,
            "loop.end_s",
            f"expected a time after {song.loop.start_s:g} s, where the loop starts, got "
            f"{song.loop.end_s:g}",
        )
    return msgspec.structs.replace(song, folder=folder, source=where)


def _check_header(objects: Mapping[str, Any], where: str) -> None:
    if objects.get("format") != FORMAT:
        got = shown(objects["format"]) if "format" in objects else "none"
        raise error_at(where, "format", f"expected {shown(FORMAT)}, got {got}")
    version = objects.get("version")
    if type(version) is int and version > VERSION:
        raise error_at(
            where,
            "",
            f"made by a newer Isobooth (version {shown(version)}); this one reads {VERSION}",
        )
    if type(version) is not int or version < VERSION:
        got = shown(version) if "version" in objects else "none"
        raise error_at(where, "version", f"expected {VERSION}, got {got}")


def song_objects(song: Song) -> dict[str, Any]:
    """The song as the objects that its file holds; `parse_song` reads them back."""
    try:
        objects: dict[str, Any] = msgspec.to_builtins(song)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"this song cannot be written as JSON: {error}") from None
    del objects["folder"], objects["source"]
    return objects


def save_song(song: Song, path: FilePath) -> None:
    """Write the song, replacing what stands at `path` at the last moment; InputError if invalid.

    Relative media files keep their text while the song stays in its folder. In another folder
    they are named anew: relative where they lie below it, else by their full path.
    """
    where = path_text(path)
    objects = song_objects(_moved(song, _folder_of(path)))
    parse_song(objects, where)  # a program may have put anything into the structs
    text = json.dumps(objects, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with AtomicFile(path) as output:
        output.file.write(text.encode())


def _folder_of(path: FilePath) -> str:
    return os.path.dirname(os.path.abspath(path))


def _moved(song: Song, folder: str) -> Song:
    """The song with its media files named for a song file in `folder`."""
    old_folder = os.path.abspath(song.folder)
    if old_folder == folder:
        return song

    def rename(file: str) -> str:
        if os.path.isabs(file):
            return file
        path = os.path.normpath(os.path.join(old_folder, file))
        inside = os.path.commonpath([path, folder]) == folder
        return os.path.relpath(path, folder) if inside else path

    tracks = []
    for track in song.tracks:
        audio, midi = track.audio, track.midi
        if audio is not None:
            audio = msgspec.structs.replace(audio, file=rename(audio.file))
        if midi is not None:
            midi = msgspec.structs.replace(midi, file=rename(midi.file))
        tracks.append(msgspec.structs.replace(track, audio=audio, midi=midi))
    return msgspec.structs.replace(song, tracks=tuple(tracks), folder=folder)
