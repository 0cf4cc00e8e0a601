# SPDX-License-Identifier: GPL-3.0-or-later
"""Song files: whatever a file holds, it is a song that can be saved and mixed, or one line says
why not."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from host.commands import CommandQueue
from host.config import HostConfig
from host.engine_module import Engine
from host.events import EventLog
from host.mix import Mix
from host.song import Song
from host.song_file import parse_song, song_objects
from ipc.errors import InputError
from tests.fuzz.budget import fuzz
from tests.fuzz.damage import damaged_bytes, damaged_objects

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "song-format.md"
EXAMPLES = [
    json.loads(block)
    for block in re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
]
WHERE = "song.json"


def parsed(data: Any) -> Song | None:
    try:
        return parse_song(data, WHERE)
    except InputError as error:
        assert str(error).startswith(f"{WHERE}: ")
        assert str(error).isprintable()
        assert len(str(error)) < 2000
        return None


def texts() -> st.SearchStrategy[bytes]:
    whole = st.sampled_from(EXAMPLES)
    objects = st.one_of(whole, damaged_objects(whole))
    return damaged_bytes(objects.map(lambda made: json.dumps(made, default=repr).encode()))


@fuzz(300)
@given(damaged_objects(st.sampled_from(EXAMPLES)))
def test_damaged_objects_are_a_song_or_one_line(objects: Any) -> None:
    song = parsed(objects)
    if song is not None:
        again = json.dumps(song_objects(song), allow_nan=False)
        assert parse_song(again, WHERE) == song


@fuzz(300)
@given(texts())
def test_damaged_text_is_a_song_or_one_line(text: bytes) -> None:
    song = parsed(text)
    if song is not None:
        assert parse_song(json.dumps(song_objects(song), allow_nan=False), WHERE) == song


@fuzz(60)
@given(damaged_objects(st.sampled_from(EXAMPLES)))
def test_every_song_that_is_accepted_can_be_mixed(objects: Any) -> None:
    song = parsed(objects)
    if song is None:
        return
    config = HostConfig(offline=True, block_frames=64, sample_rate=song.sample_rate)
    engine = Engine(float(config.sample_rate), config.block_frames, offline=True)
    engine.set_tempo(song.tempo)
    engine.set_signature(*song.time_signature)
    mix = Mix(_bare(song), config, engine, CommandQueue(), EventLog())
    mix.load()
    with contextlib.closing(mix):
        mix.publish()
        engine.play(True)
        heard = engine.render(4)
        assert mix.length_frames() >= 0
        engine.clear()
    assert not np.any(heard)


def _bare(song: Song) -> Song:
    """Without files and plugins: tracks, faders and ways through the mix."""
    replace = msgspec.structs.replace
    tracks = tuple(replace(track, audio=None, midi=None, chain=()) for track in song.tracks)
    return replace(song, tracks=tracks, master=replace(song.master, chain=()))
