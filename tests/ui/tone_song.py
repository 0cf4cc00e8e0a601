# SPDX-License-Identifier: GPL-3.0-or-later
"""The song of the window's tests: one track with a tone and a gain behind it."""

from pathlib import Path

from host.song import Slot, Song, Track
from host.song_file import save_song


def tone_song(folder: Path, track: str = "") -> Path:
    """Where it is kept. `track`: the track's name."""
    path = folder / "song.json"
    slots = (Slot(id="tone", plugin="builtin:tone"), Slot(id="gain", plugin="builtin:gain"))
    save_song(Song(name="Mine", tracks=(Track(id="a", name=track, chain=slots),)), path)
    return path
