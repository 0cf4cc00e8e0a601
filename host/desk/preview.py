# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are heard in a browser, before they are part of anything (host/preview.py plays them).

To read one takes a while. Who asks for another meanwhile, or for silence, means that: what was
asked for before does not begin.
"""

import threading
from collections.abc import Callable

import numpy as np

from host.audio_file import read_audio
from host.desk.desk import Desk
from host.desk.overview import of_audio, of_midi
from host.engine_module import AudioClip
from host.media import TrackMedia, midi_clip
from host.midi_file import is_midi, read_midi
from ipc.desk.requests import Done, Preview, Previewed, StopPreview
from ipc.errors import InputError
from ipc.messages import Message

# Of a file that is longer, the beginning is heard: an hour would take a GB and seconds to read.
_MOST_S = 600.0


class PreviewAnswers:
    """Its answers may wait for files; those to Preview are called one after the other by one
    thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> Callable[[Preview | StopPreview], Message]:
        """Answers the request that has just come. Raises IsoboothError if it cannot be done."""
        with self._lock:
            self._last += 1
            number = self._last

        def answer(request: Preview | StopPreview) -> Message:
            if isinstance(request, StopPreview):
                self._desk.host.stop_preview()
                return Done()
            return self._preview(request, number)

        return answer

    def _preview(self, request: Preview, number: int) -> Previewed:
        host, rate = self._desk.host, 0
        while host.config.sample_rate != rate:  # another song may be opened while it is read
            self._check_wanted(request, number)
            rate = host.config.sample_rate
            if is_midi(request.path):
                media, shown = _notes(request.path, rate)
            else:
                media, shown = _audio(request.path, rate, request.buckets)
            host = self._desk.host
        self._check_wanted(request, number)
        host.preview(request.path, media, lambda: self._check_wanted(request, number))
        return shown

    def _check_wanted(self, request: Preview, number: int) -> None:
        if number != self._last:
            raise InputError(f"{request.path}: is not heard, because something else was asked for")


def _notes(path: str, rate: int) -> tuple[TrackMedia, Previewed]:
    clip = read_midi(path, rate)
    if not len(clip.events):
        raise InputError(f"{path}: holds no notes")
    media = TrackMedia(None, midi_clip(clip.events), clip.length_frames, [], events=clip.events)
    shown = Previewed(
        overview=of_midi(clip.events, 0, clip.length_frames),
        length_s=clip.length_frames / rate,
        heard_frames=clip.length_frames,
    )
    return media, shown


def _audio(path: str, rate: int, buckets: int) -> tuple[TrackMedia, Previewed]:
    clip = read_audio(path, rate, _MOST_S)
    samples = np.ascontiguousarray(clip.samples, dtype=np.float32)
    # A file beyond full scale is not heard louder than one that reaches it.
    peak = float(max(samples.max(), -samples.min()))
    media = TrackMedia(
        AudioClip(samples, 0, 1.0 / max(1.0, peak)), None, clip.frames, list(clip.warnings), samples
    )
    length_s = clip.source_frames / clip.source_rate
    notes = [warning.removeprefix(f"{clip.path}: ") for warning in clip.warnings]
    if length_s > _MOST_S:
        notes.append(f"the first {_MOST_S / 60:.0f} minutes are shown and heard")
    shown = Previewed(
        overview=of_audio(samples, 0, buckets),
        length_s=length_s,
        heard_frames=clip.frames,
        sample_rate=clip.source_rate,
        channels=clip.source_channels,
        note="; ".join(notes),
    )
    return media, shown
