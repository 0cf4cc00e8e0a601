# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the window share: the state as it was shown last, and the way to ask for
changes. Requests that fail say so in one place."""

import time
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from ipc.desk.requests import (
    DESK_PROTOCOL,
    AnyEdit,
    AskCatalogue,
    AskCrashes,
    AskOverview,
    AskSlot,
    AskText,
    Attach,
    Change,
    Preview,
    Quit,
    Shown,
)
from ipc.desk.state import DeskState, SlotState, TrackState
from ipc.messages import Request
from ui.link import Link, OnFailure, OnReply

_NO_HOST = "This needs the host, which has ended: “Restart the host” brings it back"
_QUESTIONS = (AskCatalogue, AskCrashes, AskOverview, AskSlot, AskText, Preview)


class Desk(QObject):
    """The host as the window knows it. `state` is the last that was shown, also after `lost`."""

    shown = pyqtSignal(object)  # DeskState
    happened = pyqtSignal(object)  # tuple[Notice, ...]
    refused = pyqtSignal(str)  # a request failed: why, for people
    lost = pyqtSignal(str)

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = DeskState()
        self.host_pid = 0
        self._link = link
        self._connect(link)
        # Not from 0: a window that is started again must not go on with a gesture of the last one.
        self._gesture = time.time_ns() // 1000

    def follow(self, link: Link) -> None:
        """From now on another host is meant, whose link may still have to be opened."""
        for one in (self._link.shown, self._link.happened, self._link.lost):
            one.disconnect()
        self._link = link
        self._connect(link)
        self.attach()

    def _connect(self, link: Link) -> None:
        link.shown.connect(self.show)
        link.happened.connect(self.happened)
        link.lost.connect(self.lost)

    @property
    def is_lost(self) -> bool:
        return self._link.is_lost

    def attach(self) -> None:
        """Asks to be shown the state from now on."""

        def attached(reply: Shown) -> None:
            self.host_pid = reply.pid
            self.show(reply.state)

        self._link.request(Attach(protocol=DESK_PROTOCOL), attached, self.refused.emit)

    def ask(
        self,
        request: Request[Any],
        on_reply: OnReply | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        """A failure is told in `refused` too, unless the host goes meanwhile, which is told anyway,
        or a question was asked by who shows in its own place that there is no answer."""
        is_shown = on_failure is not None and isinstance(request, _QUESTIONS)
        if self._link.is_lost and not is_shown and not isinstance(request, Quit):
            self.refused.emit(_NO_HOST)

        def failed(reason: str) -> None:
            if not self._link.is_lost and not is_shown:
                self.refused.emit(reason)
            if on_failure is not None:
                on_failure(reason)

        self._link.request(request, on_reply, failed)

    def change(self, *edits: AnyEdit) -> None:
        """One step of undo."""
        self.ask(Change(edits))

    def next_gesture(self) -> int:
        """A number for Changes that make one step together."""
        self._gesture += 1
        return self._gesture

    def strip(self, track: str) -> TrackState | None:
        """The track or the master; None if there is none (any more)."""
        every = (*self.state.tracks, self.state.master)
        return next((one for one in every if one.id == track), None)

    def slot(self, slot: str) -> tuple[TrackState, SlotState] | None:
        """A slot and where it stands."""
        for track in (*self.state.tracks, self.state.master):
            for one in track.slots:
                if one.id == slot:
                    return track, one
        return None

    def show(self, state: DeskState) -> None:
        self.state = state
        self.shown.emit(state)
