# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tracks play, asked of the host as finely as it is looked at.

One question at a time: an overview of a long file takes the host a moment, and what the user does
with a fader waits behind it.
"""

import math
from dataclasses import dataclass

from PyQt6.QtCore import QObject, pyqtSignal

from ipc.desk.requests import AskOverview, Overview
from ipc.desk.state import DeskState, TrackState
from ui.desk import Desk
from ui.tracks.waveform import Content, Wave, content_of

_FIRST_BUCKETS = 4096
_MOST_BUCKETS = 65536  # what the host takes (ipc/desk/requests.py)
_WITH_CONTENT = ("audio", "midi")

_Source = tuple[str, int, int, int]  # file, from, to, sample rate


@dataclass
class _Known:
    source: _Source
    content: Content | None = None
    version: int = 0
    buckets: int = 0  # that were asked for
    is_refused: bool = False
    near: Wave | None = None  # of a part, finer than one of all could be
    near_version: int = 0
    near_end: int = 0  # frame
    near_step: int = 0  # that was asked for


class Contents(QObject):
    """Asks by itself, for what `content` was asked for."""

    arrived = pyqtSignal(str)  # track

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._known: dict[str, _Known] = {}
        self._wanted: dict[str, AskOverview] = {}
        self._is_waiting = False
        self._version = 0

    def show_state(self, state: DeskState) -> None:
        """Forgets what has changed."""
        rate = state.device.sample_rate
        sources = {track.id: _source(track, rate) for track in state.tracks}
        self._known = {
            track: known
            for track, known in self._known.items()
            if sources.get(track) == known.source
        }

    def content(
        self, track: TrackState, frames_per_px: float, first: float, last: float
    ) -> tuple[Content | None, int]:
        """As fine as it is known from frame `first` to `last`, and its version; finer ones arrive
        later."""
        if track.kind not in _WITH_CONTENT:
            return None, 0
        known = self._known.get(track.id)
        if known is None:
            source = _source(track, self._desk.state.device.sample_rate)
            known = self._known[track.id] = _Known(source)
        buckets = self._buckets(known, frames_per_px)
        if buckets:
            self._wanted[track.id] = AskOverview(track.id, buckets)
            self._ask_next()
        elif isinstance(known.content, Wave) and known.content.step > max(1.0, frames_per_px):
            return self._near(track.id, known, frames_per_px, first, last)
        return known.content, known.version

    def _near(
        self, track: str, known: _Known, frames_per_px: float, first: float, last: float
    ) -> tuple[Content | None, int]:
        """Of what is looked at alone: the whole file in one picture is too coarse for it."""
        start, end = max(known.source[1], int(first)), min(known.source[2], math.ceil(last))
        near, step = known.near, max(1, int(frames_per_px))
        is_fine = near is not None and known.near_step <= step
        if is_fine and near is not None and near.start <= start and end <= known.near_end:
            return near, known.near_version
        if not known.is_refused and start < end:
            spare = end - start  # so that scrolling does not ask each time
            start, end = max(known.source[1], start - spare), min(known.source[2], end + spare)
            buckets = math.ceil((end - start) / step)
            if buckets <= _MOST_BUCKETS:
                self._wanted[track] = AskOverview(track, buckets, start, end)
                self._ask_next()
        return known.content, known.version

    def _buckets(self, known: _Known, frames_per_px: float) -> int:
        """To be asked for; 0: it is fine enough, or as fine as it gets."""
        if known.is_refused:
            return 0
        if known.buckets == 0:
            wanted = _FIRST_BUCKETS
        elif not isinstance(known.content, Wave) or known.content.step <= max(1.0, frames_per_px):
            return 0
        else:
            wanted = known.buckets
        frames = known.source[2] - known.source[1]
        while wanted < _MOST_BUCKETS and wanted * frames_per_px < frames:
            wanted *= 2
        return wanted if wanted > known.buckets else 0

    def _ask_next(self) -> None:
        if self._is_waiting or self._desk.is_lost or not self._wanted:
            return
        track = next(iter(self._wanted))
        request = self._wanted.pop(track)
        known = self._known.get(track)
        if known is None:  # it has gone
            self._ask_next()
            return
        self._is_waiting = True

        def arrived(reply: Overview) -> None:
            self._is_waiting = False
            self._version += 1
            content = content_of(reply)
            if request.end_frame == 0:
                known.content, known.version = content, self._version
                known.buckets = max(known.buckets, request.buckets)
            elif isinstance(content, Wave):
                known.near, known.near_version = content, self._version
                known.near_end = request.end_frame
                frames = request.end_frame - request.start_frame
                known.near_step = math.ceil(frames / request.buckets)
            else:
                known.is_refused = True  # there is no more of it than that
            if self._known.get(track) is known:
                self.arrived.emit(track)
            self._ask_next()

        def refused(_: str) -> None:
            self._is_waiting = False
            known.is_refused = not self._desk.is_lost  # another host may take this one's place
            self._ask_next()

        self._desk.ask(request, arrived, refused)


def _source(track: TrackState, sample_rate: int) -> _Source:
    return track.file, track.start_frame, track.end_frame, sample_rate
