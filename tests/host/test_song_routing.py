# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids mean one thing each, and tracks that feed each other in a circle are refused by name."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.song import MASTER, Slot, Song, Track
from host.song_file import parse_song
from host.song_routing import track_stages
from ipc.errors import InputError


def song_of(*tracks: dict[str, Any], master: dict[str, Any] | None = None) -> Song:
    data = {
        "format": "isobooth-song",
        "version": 1,
        "tracks": list(tracks),
        "master": master or {},
    }
    return parse_song(data, "song.json")


def slot(name: str, sidechain: str | None = None) -> dict[str, Any]:
    return {"id": name, "plugin": "builtin:gain", "sidechain": sidechain}


def refused(*tracks: dict[str, Any], master: dict[str, Any] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        song_of(*tracks, master=master)
    return str(caught.value).removeprefix("song.json: ")


def test_ids_are_unique() -> None:
    assert refused({"id": "a"}, {"id": "a"}) == 'tracks[1].id: "a" is already the id of tracks[0]'
    assert (
        refused({"id": "a", "chain": [slot("eq")]}, master={"chain": [slot("eq")]})
        == 'master.chain[0].id: "eq" is already the id of tracks[0].chain[0]'
    )
    song_of({"id": "eq", "chain": [slot("eq")]})  # a track and a slot are told apart by place


def test_no_track_is_called_master() -> None:
    assert refused({"id": "master"}).startswith('tracks[0].id: "master" is the master')


def test_outputs_and_sidechains_lead_to_tracks() -> None:
    assert (
        refused({"id": "drums", "output": "bas"}, {"id": "bass"})
        == 'tracks[0].output: expected "master" or a track\'s id, got "bas"; did you mean "bass"?'
    )
    assert (
        refused({"id": "a", "chain": [slot("eq", "master")]})
        == 'tracks[0].chain[0].sidechain: expected a track\'s id, got "master"'
    )
    song_of({"id": "a"}, master={"chain": [slot("duck", "a")]})


def test_circles_are_refused_with_the_names_of_their_tracks() -> None:
    assert (
        refused(
            {"id": "voice", "output": "a"},
            {"id": "a", "output": "b"},
            {"id": "b", "output": "c"},
            {"id": "c", "output": "a"},
        )
        == "tracks[1].output: the tracks feed each other in a circle: a -> b -> c -> a"
    )
    assert (
        refused(
            {"id": "a", "output": "c"},
            {"id": "b", "output": "a"},
            {"id": "c", "output": "d"},
            {"id": "d", "output": "b"},
        )
        == "tracks[0].output: the tracks feed each other in a circle: a -> c -> d -> b -> a"
    )
    assert (
        refused({"id": "a", "output": "a"})
        == "tracks[0].output: the tracks feed each other in a circle: a -> a"
    )
    assert (
        refused({"id": "a", "chain": [slot("x"), slot("duck", "a")]})
        == "tracks[0].chain[1].sidechain: the tracks feed each other in a circle: a -> a"
    )
    assert (
        refused(
            {"id": "bus", "chain": []}, {"id": "a", "output": "bus", "chain": [slot("d", "bus")]}
        )
        == "tracks[1].chain[0].sidechain: the tracks feed each other in a circle: bus -> a -> bus"
    )


def test_a_long_circle_is_told_in_one_short_line() -> None:
    tracks = [{"id": f"t{index}", "output": f"t{(index + 1) % 500}"} for index in range(500)]
    assert refused(*tracks) == (
        "tracks[0].output: the tracks feed each other in a circle: "
        "t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> t6 -> t7 -> ... -> t499 -> t0"
    )


def test_a_track_plays_after_all_that_it_needs() -> None:
    song = song_of(
        {"id": "bus"},
        {"id": "drums", "output": "bus"},
        {"id": "bass", "output": "bus", "chain": [slot("duck", "drums")]},
        {"id": "voice"},
    )
    assert track_stages(song) == ((1, 3), (2,), (0,))
    assert track_stages(Song()) == ()


def test_a_long_row_of_groups_is_no_trouble() -> None:
    count = 20_000
    tracks = [
        Track(id=str(index), output=str(index + 1) if index < count - 1 else MASTER)
        for index in range(count)
    ]
    assert len(track_stages(Song(tracks=tuple(tracks)))) == count


@given(st.data())
def test_stages_hold_every_track_once_and_in_order_or_there_is_a_circle(
    data: st.DataObject,
) -> None:
    names = [f"t{index}" for index in range(data.draw(st.integers(1, 6)))]
    tracks = tuple(
        Track(
            id=name,
            output=data.draw(st.sampled_from([*names, MASTER])),
            chain=tuple(
                Slot(id=f"{name}-{index}", plugin="builtin:gain", sidechain=source)
                for index, source in enumerate(
                    data.draw(st.lists(st.sampled_from([*names, None]), max_size=2))
                )
            ),
        )
        for name in names
    )
    needs = {(track.output, track.id) for track in tracks} | {
        (track.id, slot.sidechain) for track in tracks for slot in track.chain
    }
    try:
        stages = track_stages(Song(tracks=tracks), "song.json")
    except InputError as error:
        circle = str(error).rpartition(": ")[2].split(" -> ")
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        for source, target in pairwise(circle):
            assert (target, source) in needs
    else:
        assert sorted(index for stage in stages for index in stage) == list(range(len(names)))
        stage_of = {names[index]: at for at, stage in enumerate(stages) for index in stage}
        for track, needed in needs:
            if track in stage_of and needed is not None:
                assert stage_of[needed] < stage_of[track]
