# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened while the host ran, in the order it happened: for summaries, pictures and UI."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ipc._native import monotonic_ns


class HostEventKind(StrEnum):
    FAULT = "fault"  # a plugin failed; `report` names the crash report
    RECOVERED = "recovered"  # it is heard again, with its state
    TAKEOVER = "takeover"  # its standby plays instead
    QUARANTINED = "quarantined"
    HELD = "held"  # held bypassed: too slow
    RELEASED = "released"  # tried again
    FAILED = "failed"  # could not be loaded
    DENIED = "denied"  # a plugin tried what its permissions do not allow
    POISON = "poison"  # what a plugin dies of again and again is not given to it any more
    WINDOW = "window"  # a plugin's own window went with its process
    DEVICE = "device"
    NOTICE = "notice"


@dataclass(frozen=True)
class HostEvent:
    kind: HostEventKind
    text: str  # for people
    slot: str | None = None
    report: str | None = None
    time_ns: int = 0  # CLOCK_MONOTONIC
    block: int = 0
    song_frame: int = 0  # where the song was
    names: tuple[str, ...] = ()  # other slots that the text names
    playing: bool = True  # whether the song was heard there


class EventLog:
    """Grows only; read from any thread."""

    def __init__(
        self,
        position: Callable[[], int] = lambda: 0,
        is_playing: Callable[[], bool] = lambda: True,
    ) -> None:
        """`position`: the transport's frame."""
        self._position = position
        self._is_playing = is_playing
        self._lock = threading.Lock()
        self._events: list[HostEvent] = []

    def add(
        self,
        kind: HostEventKind,
        text: str,
        *,
        slot: str | None = None,
        report: str | None = None,
        block: int = 0,
        names: tuple[str, ...] = (),
    ) -> None:
        at, frame = monotonic_ns(), self._position()
        playing = self._is_playing()
        event = HostEvent(kind, text, slot, report, at, block, frame, names, playing)
        with self._lock:
            self._events.append(event)

    def since(self, index: int) -> list[HostEvent]:
        with self._lock:
            return self._events[index:]
