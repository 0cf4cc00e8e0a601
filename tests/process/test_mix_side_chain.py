# SPDX-License-Identifier: GPL-3.0-or-later
"""A track that serves as a side-chain key keys on, to the sample, when it is not heard itself."""

from pathlib import Path

import numpy as np
import pytest

from host.solo import soloed_out
from host.song import Master
from tests.process.songs import Audio, AudioSource, Slot, Song, Track, offline, write_clip

pytestmark = pytest.mark.process


def coarse(seed: int, frames: int = 4096) -> Audio:
    """Whole multiples of 2^-10: any sum of them is exact in any order."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-512, 512, (2, frames)) / 1024).astype(np.float32)


def listener(key: str, slot_id: str = "listener") -> Slot:
    """Its output is its key."""
    return Slot(id=slot_id, plugin="builtin:key-listen", parameters={"0": 1.0}, sidechain=key)


def keyed_song(folder: Path, **fields: dict[str, object]) -> tuple[Song, dict[str, Audio]]:
    """`it` plays its key, the group `keys` of `a` and `b`; `other` has nothing to do with it."""
    clips = {name: coarse(i) for i, name in enumerate(("it", "a", "b", "other"))}
    outputs = {"a": "keys", "b": "keys"}
    tracks = [
        Track(
            id=name,
            audio=AudioSource(file=write_clip(folder / f"{name}.wav", clip)),
            chain=(listener("keys"),) if name == "it" else (),
            output=outputs.get(name, "master"),
            **fields.get(name, {}),  # type: ignore[arg-type]
        )
        for name, clip in clips.items()
    ]
    tracks.append(Track(id="keys", **fields.get("keys", {})))  # type: ignore[arg-type]
    return Song(tracks=tuple(tracks)), clips


@pytest.mark.parametrize(
    "fields, heard, keyed",
    [
        ({"other": {"mute": True}}, "a b", "a b"),
        ({"it": {"solo": True}}, "", "a b"),
        ({"keys": {"mute": True}, "other": {"mute": True}}, "", "a b"),
        ({"it": {"solo": True}, "b": {"mute": True}}, "", "a"),
        ({"it": {"solo": True}, "a": {"solo": True}}, "a", "a"),
        ({"other": {"solo": True}}, "other", ""),
    ],
    ids=str,
)
def test_a_key_is_heard_by_its_listener_however_silent(
    fields: dict[str, dict[str, object]], heard: str, keyed: str, tmp_path: Path
) -> None:
    song, clips = keyed_song(tmp_path, **fields)
    wanted = sum((clips[name] for name in [*heard.split(), *keyed.split()]), np.zeros((2, 4096)))
    with offline(song) as host:
        rendered = host.render(8)
        np.testing.assert_array_equal(rendered, wanted[:, : rendered.shape[1]].astype(np.float32))


def test_muting_a_key_while_it_plays_is_not_heard_by_its_listener(tmp_path: Path) -> None:
    song, clips = keyed_song(tmp_path, other={"mute": True}, keys={"output": "nowhere"})
    song = Song(tracks=(*song.tracks, Track(id="nowhere", mute=True)))
    with offline(song, block=64) as host:
        parts = [host.render(4)]
        for mute in (True, False, True, True, False):
            host.set_mute("keys", mute)
            parts.append(host.render(4))
        heard = np.concatenate(parts, axis=1)
        np.testing.assert_array_equal(heard, (clips["a"] + clips["b"])[:, : heard.shape[1]])


def test_a_key_of_a_key_and_of_the_master_is_kept() -> None:
    song = Song(
        tracks=(
            Track(id="it", chain=(listener("first", "l1"),), solo=True),
            Track(id="first", chain=(listener("second", "l2"),)),
            Track(id="second"),
            Track(id="member", output="second"),
            Track(id="deep", output="inner"),
            Track(id="inner", output="second"),
            Track(id="room"),
            Track(id="mic", output="room"),
            Track(id="other", chain=(listener("unheard", "l3"),)),
            Track(id="unheard"),
            Track(id="singer", output="unheard"),
        ),
        master=Master(chain=(listener("room", "l4"),)),
    )
    # Members sound, and reach nothing but a group that is muted.
    assert soloed_out(song) == {"first", "second", "room", "other", "unheard", "singer"}
