# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to plugins, and where in the song it was heard.

A notice names a slot; the track that it stood on is remembered with it, because the slot may be
moved or removed later and the fault was heard where it stood then. What happens while the song
stands still is heard nowhere in it, and not marked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ipc.desk.state import DeskState, Notice
from ipc.status import SlotStatus

# The light that stands for each kind of notice, the worst first: it is the one that is seen where
# many fall on one place.
LIGHTS = {
    "quarantined": SlotStatus.QUARANTINED,
    "failed": SlotStatus.FAILED,
    "fault": SlotStatus.FAILED,
    "poison": SlotStatus.LATE,
    "denied": SlotStatus.LATE,
    "held": SlotStatus.BYPASSED,
    "takeover": SlotStatus.STANDBY,
    "released": SlotStatus.ACTIVE,
    "recovered": SlotStatus.ACTIVE,
}
_WORST = tuple(LIGHTS)
_ENDS = ("recovered", "takeover", "released", "quarantined", "failed")
_MOST = 2000
_LONGEST_OUTAGE_S = 30.0  # what is longer was another time through the song


@dataclass(frozen=True)
class Mark:
    """One notice on the time line."""

    notice: Notice
    track: str

    @property
    def frame(self) -> int:
        return self.notice.song_frame


@dataclass(frozen=True)
class Outage:
    """From a fault to what ended it."""

    start_frame: int
    end_frame: int


@dataclass
class Cluster:
    """Marks that fall on one place of the screen."""

    x: float
    marks: list[Mark] = field(default_factory=list)

    @property
    def worst(self) -> Mark:
        """The last of the worst kind; one with a report rather than one without."""
        return min(
            reversed(self.marks),
            key=lambda mark: (_WORST.index(mark.notice.kind), mark.notice.report is None),
        )

    @property
    def status(self) -> SlotStatus:
        return LIGHTS[self.worst.notice.kind]

    @property
    def report(self) -> str | None:
        """Of the worst, or the last that there is."""
        worst = self.worst.notice.report
        every = [mark.notice.report for mark in self.marks if mark.notice.report]
        return worst or (every[-1] if every else None)


class Faults:
    """By track; as many as are worth showing."""

    def __init__(self) -> None:
        self._marks: dict[str, list[Mark]] = {}
        self._outages: dict[str, list[Outage]] = {}
        self._open: dict[str, Mark] = {}  # by slot
        self._tracks: dict[str, str] = {}  # of slots, as last seen
        self._early: list[Notice] = []  # that came before the state with their slots
        self._path = ""
        self._next = 0  # the number of the notice that comes next
        self.last_frame = 0  # of all marks

    def show_state(self, state: DeskState) -> bool:
        """Whether anything has changed: another song has no faults yet."""
        every = (*state.tracks, state.master)
        is_other = state.path != self._path and not state.undo and not state.redo
        is_other = is_other and bool(self._tracks)
        self._path = state.path
        if is_other:
            self._marks, self._outages, self._open, self._tracks = {}, {}, {}, {}
            self.last_frame = 0
        self._tracks |= {slot.id: track.id for track in every for slot in track.slots}
        early, self._early = self._early, []
        return self._place(early, state.device.sample_rate) or is_other

    def show_other_host(self) -> None:
        """It counts its notices from 0; what was heard of the last one stays."""
        self._next = 0
        self._open = {}

    def take(self, notices: Iterable[Notice], state: DeskState) -> bool:
        """Whether any of them is shown. Those that were told before are passed over."""
        fresh = [notice for notice in notices if notice.number >= self._next]
        if fresh:
            self._next = max(notice.number for notice in fresh) + 1
        return self._place(fresh, state.device.sample_rate)

    def marks(self, track: str) -> Sequence[Mark]:
        return self._marks.get(track, ())

    def outages(self, track: str) -> Sequence[Outage]:
        return self._outages.get(track, ())

    def clusters(
        self, track: str, first_frame: float, frames_per_px: float, width: int, gap_px: float
    ) -> list[Cluster]:
        """In view, from left to right, each at least `gap_px` from the next."""
        placed = sorted(
            ((mark.frame - first_frame) / frames_per_px, n, mark)
            for n, mark in enumerate(self.marks(track))
        )
        found: list[Cluster] = []
        for x, _, mark in placed:
            if not -gap_px < x < width + gap_px:
                continue
            if not found or x - found[-1].x >= gap_px:
                found.append(Cluster(x))
            found[-1].marks.append(mark)
        return found

    def _place(self, notices: Iterable[Notice], sample_rate: int) -> bool:
        has_any = False
        for notice in notices:
            if notice.slot is None or notice.kind not in LIGHTS:
                continue
            track = self._tracks.get(notice.slot)
            if track is None:
                self._early = [*self._early[-_MOST:], notice]
                continue
            mark = Mark(notice, track)
            self._follow(notice.slot, mark, sample_rate)
            if not notice.playing:
                continue
            has_any = True
            self.last_frame = max(self.last_frame, mark.frame)
            every = self._marks.setdefault(track, [])
            every.append(mark)
            del every[:-_MOST]
        return has_any

    def _follow(self, slot: str, mark: Mark, sample_rate: int) -> None:
        """An outage begins or ends."""
        kind = mark.notice.kind
        if kind in ("fault", "held") and mark.notice.playing:
            self._open.setdefault(slot, mark)
        elif kind in _ENDS and (begun := self._open.pop(slot, None)) is not None:
            length = mark.frame - begun.frame
            if 0 < length <= _LONGEST_OUTAGE_S * sample_rate:
                spans = self._outages.setdefault(mark.track, [])
                spans.append(Outage(begun.frame, mark.frame))
                del spans[:-_MOST]
