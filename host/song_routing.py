# SPDX-License-Identifier: GPL-3.0-or-later
"""Who feeds whom in a song: ids that refer to each other, and the order they must play in.

A track needs the tracks that are sent to it and those that its slots listen to by side-chain.
A circle among them would have no block to start from, so it is refused here, by name, before
the engine sees the song.
"""

from collections.abc import Collection

from host.json_fields import did_you_mean, error_at, shown
from host.song import MASTER, Song
from ipc.errors import InputError


def check_routing(song: Song, where: str) -> None:
    """InputError, naming the field, if ids repeat, point nowhere or form a circle."""
    _check_ids(song, where)
    _check_references(song, where)
    track_stages(song, where)


def _check_ids(song: Song, where: str) -> None:
    track_paths: dict[str, str] = {}
    for index, track in enumerate(song.tracks):
        path = f"tracks[{index}]"
        if track.id == MASTER:
            raise error_at(where, f"{path}.id", f'"{MASTER}" is the master; name it otherwise')
        _claim(track_paths, track.id, path, where)
    slot_paths: dict[str, str] = {}
    for path, slot in song.slots():
        _claim(slot_paths, slot.id, path, where)


def _claim(paths: dict[str, str], name: str, path: str, where: str) -> None:
    if name in paths:
        raise error_at(where, f"{path}.id", f"{shown(name)} is already the id of {paths[name]}")
    paths[name] = path


def _check_references(song: Song, where: str) -> None:
    tracks = dict.fromkeys(track.id for track in song.tracks)
    outputs = {**tracks, MASTER: None}

    def check(name: str, path: str, allowed: Collection[str], what: str) -> None:
        if name not in allowed:
            hint = did_you_mean(name, allowed)
            raise error_at(where, path, f"expected {what}, got {shown(name)}{hint}")

    for index, track in enumerate(song.tracks):
        check(track.output, f"tracks[{index}].output", outputs, f'"{MASTER}" or a track\'s id')
    for path, slot in song.slots():
        if slot.sidechain is not None:
            check(slot.sidechain, f"{path}.sidechain", tracks, "a track's id")


def track_stages(song: Song, where: str = "song") -> tuple[tuple[int, ...], ...]:
    """Indices of the tracks, stage by stage: all that a track needs stands in earlier stages.

    The master comes after the last stage. InputError if the tracks feed each other in a circle.
    """
    index_of = {track.id: index for index, track in enumerate(song.tracks)}
    # feeds[a] holds (b, the field that says so): track b needs track a.
    feeds: list[list[tuple[int, str]]] = [[] for _ in song.tracks]
    for index, track in enumerate(song.tracks):
        if track.output != MASTER:
            feeds[index].append((index_of[track.output], f"tracks[{index}].output"))
        for place, slot in enumerate(track.chain):
            if slot.sidechain is not None:
                field = f"tracks[{index}].chain[{place}].sidechain"
                feeds[index_of[slot.sidechain]].append((index, field))

    needs = [0] * len(song.tracks)
    for targets in feeds:
        for target, _ in targets:
            needs[target] += 1
    stages: list[tuple[int, ...]] = []
    ready = [index for index, count in enumerate(needs) if count == 0]
    while ready:
        stages.append(tuple(ready))
        following = []
        for index in ready:
            for target, _ in feeds[index]:
                needs[target] -= 1
                if needs[target] == 0:
                    following.append(target)
        ready = sorted(following)
    if sum(len(stage) for stage in stages) < len(song.tracks):
        raise _circle(song, feeds, needs, where)
    return tuple(stages)


def _circle(
    song: Song, feeds: list[list[tuple[int, str]]], needs: list[int], where: str
) -> InputError:
    """The error that names one circle among the tracks that still need something."""
    # Every track left over is fed by another one left over, so walking backwards meets a circle.
    fed_by: dict[int, tuple[int, str]] = {}
    for source, targets in enumerate(feeds):
        for target, field in targets:
            if needs[source] > 0:
                fed_by[target] = (source, field)
    walked: dict[int, int] = {}  # track -> how many steps before it
    index = next(index for index, count in enumerate(needs) if count > 0)
    while index not in walked:
        walked[index] = len(walked)
        index = fed_by[index][0]
    circle = list(walked)[walked[index] :]
    circle.reverse()  # the way of the signal, from the first track in the file
    start = circle.index(min(circle))
    circle = [*circle[start:], *circle[:start]]
    names = [song.tracks[index].id for index in [*circle, circle[0]]]
    if len(names) > 12:
        names[8:-2] = ["..."]
    way = " -> ".join(names)
    field = fed_by[circle[1 % len(circle)]][1]
    return error_at(where, field, f"the tracks feed each other in a circle: {way}")
