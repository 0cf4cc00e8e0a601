# SPDX-License-Identifier: GPL-3.0-or-later
"""A track's content against time, as a window draws it: peaks of audio, notes of MIDI."""

import numpy as np
from numpy.typing import NDArray

from host.desk.desk import Desk
from ipc.desk.requests import AskOverview, Overview

_MOST_NOTES = 100_000


def overview(desk: Desk, request: AskOverview) -> Overview:
    """Of what the track plays. Raises InputError if there is no such track."""
    track_id = request.track
    strip = desk.host.mix.strip(track_id)
    track = next((track for track in desk.song.tracks if track.id == track_id), None)
    if track is None:
        return Overview()
    rate = desk.song.sample_rate
    source = track.audio or track.midi
    start = round(source.start_s * rate) if source is not None else 0
    media = strip.media
    if media.samples is not None:
        first, last = 0, media.samples.shape[1]
        if request.end_frame > 0:
            first = min(last, max(0, request.start_frame - start))
            last = min(last, max(first, request.end_frame - start))
        if first == last:
            return Overview(start_frame=start)
        return of_audio(media.samples[:, first:last], start + first, request.buckets)
    if media.events is not None:
        return of_midi(media.events, start, media.end_frame)
    return Overview()


def of_midi(events: NDArray[np.void], start: int, end_frame: int) -> Overview:
    """Of MIDI events that begin at frame `start`."""
    return Overview(start_frame=start, notes=_notes(events, start, end_frame))


def of_audio(samples: NDArray[np.float32], start: int, buckets: int) -> Overview:
    """Of samples (2, frames) that begin at frame `start`."""
    frames = samples.shape[1]
    step = max(1, -(-frames // buckets))
    edges = np.arange(0, frames, step)
    low = np.minimum.reduceat(samples.min(axis=0), edges)
    high = np.maximum.reduceat(samples.max(axis=0), edges)

    def packed(values: NDArray[np.float32]) -> bytes:
        scaled: NDArray[np.int8] = np.clip(np.rint(values * 127.0), -127, 127).astype(np.int8)
        return scaled.tobytes()

    return Overview(start_frame=start, frames_per_bucket=step, low=packed(low), high=packed(high))


def _notes(
    events: NDArray[np.void], start: int, end_frame: int
) -> tuple[tuple[int, int, int, int], ...]:
    """(start, end, key, velocity); a note that never ends does so with the clip."""
    held: dict[tuple[int, int], tuple[int, int]] = {}
    notes: list[tuple[int, int, int, int]] = []
    for event in events:
        frame = start + int(event["frame"])
        status, key, velocity = (int(event[name]) for name in ("status", "data1", "data2"))
        command, channel = status & 0xF0, status & 0x0F
        if command not in (0x80, 0x90):
            continue
        begun = held.pop((channel, key), None)
        if begun is not None:
            notes.append((begun[0], frame, key, begun[1]))
        if command == 0x90 and velocity > 0:
            held[channel, key] = (frame, velocity)
        if len(notes) >= _MOST_NOTES:
            break
    notes += [(begun, end_frame, key, velocity) for (_, key), (begun, velocity) in held.items()]
    return tuple(sorted(notes))
