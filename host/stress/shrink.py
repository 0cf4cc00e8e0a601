# SPDX-License-Identifier: GPL-3.0-or-later
"""The shortest log that still comes to the same end, by delta debugging: fewer calls first, then
smaller ones.

Unwinding a crash takes longer than all the rest of a try. So tries are compared by the instruction
that crashed, where that is the plugin's, and only the result by its whole backtrace; if that is of
another cause, everything is done again the slow way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from host.stress.call_log import CallLog, LogEnd
from host.stress.death import PluginRefused
from host.stress.replay import Replayed, replay, same_cause
from host.stress.workshop import Workshop
from ipc.rig_calls import AnyCall, Recreate, Render

T = TypeVar("T")

# A hang must be one with more patience too.
_MORE_PATIENCE = 3.0
_VERIFIED = 2  # further runs of the result


@dataclass
class _Shrinking:
    workshop: Workshop
    log: CallLog
    tell: Callable[[int, int], None]
    stop: Callable[[], None]
    tries: int = 0

    def shortest(self, place: str) -> CallLog:
        """`place`: of the crash, to compare tries by; empty: they are compared by backtraces."""

        def fails(calls: Sequence[AnyCall]) -> bool:
            self.tries += 1
            self.tell(len(calls), self.tries)
            return self.fails(self.log.cut(list(calls)), place)

        calls = _fewer(list(self.log.calls), fails)
        calls = _smaller(calls, fails)
        return self.log.cut(_fewer(calls, fails))

    def fails(self, log: CallLog, place: str = "") -> bool:
        """In the same way. A hang is asked twice."""
        wanted = self.log.end
        done = self.replayed(log, unwinds=not place)
        if place and (done is None or done.place != place):
            return False
        if done is None or not same_cause(done.end, wanted):
            return False
        if wanted is None or wanted.verdict != "hang":
            return True
        done = self.replayed(log, patience=_MORE_PATIENCE)
        return done is not None and same_cause(done.end, wanted)

    def replayed(
        self, log: CallLog, *, patience: float = 1.0, unwinds: bool = True
    ) -> Replayed | None:
        """None where the plugin does not let itself be created."""
        self.stop()
        try:
            return replay(self.workshop, log, patience=patience, unwinds=unwinds)
        except PluginRefused:
            return None

    def settled(self, made: CallLog) -> CallLog:
        """With its end, its answers, and how often it came to that end."""
        again = self.replayed(made)
        end = again.end if again is not None else None
        failed = [again is not None and same_cause(end, self.log.end)]
        failed += [self.fails(made) for _ in range(_VERIFIED)]
        if not failed[0]:
            end = self.log.end  # which it came to before
        made.digests = list(again.digests) if again is not None else []
        if end is not None:
            made.end = msgspec.structs.replace(end, failed=sum(failed), runs=len(failed))
        return made


def shrink(
    workshop: Workshop,
    log: CallLog,
    *,
    tell: Callable[[int, int], None] = lambda calls, tries: None,
    stop: Callable[[], None] = lambda: None,
) -> CallLog:
    """`tell` hears how many calls are left after so many tries. The end of what is returned says
    in how many of its last runs it failed."""
    shrinking = _Shrinking(workshop, log, tell, stop)
    place = _place_of(shrinking, log.end)
    made = shrinking.settled(shrinking.shortest(place))
    if place and made.end is not None and not made.end.failed:
        made = shrinking.settled(shrinking.shortest(""))
    return made


def _place_of(shrinking: _Shrinking, end: LogEnd | None) -> str:
    """Of a crash that comes again."""
    if end is None or end.verdict != "crash" or not end.signature:
        return ""
    again = shrinking.replayed(shrinking.log)
    return again.place if again is not None and same_cause(again.end, end) else ""


def _fewer(items: list[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Zeller's ddmin: without parts, first large and then small ones."""
    parts = 2
    while len(items) > 1:
        size = max(1, -(-len(items) // parts))
        for start in range(0, len(items), size):
            rest = items[:start] + items[start + size :]
            if rest and fails(rest):
                items = rest
                parts = max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(items), 2 * parts)
    return items


def _smaller(calls: list[AnyCall], fails: Callable[[Sequence[AnyCall]], bool]) -> list[AnyCall]:
    """Each call as plain as it can be, with no event that it can do without."""
    for place in range(len(calls)):
        for _ in range(16):
            for plain in _plainer(calls[place]):
                tried = [*calls[:place], plain, *calls[place + 1 :]]
                if fails(tried):
                    calls = tried
                    break
            else:
                break
        for events in ("midi", "changes"):
            calls = _fewer_events(calls, place, events, fails)
    return calls


def _fewer_events(
    calls: list[AnyCall], place: int, events: str, fails: Callable[[Sequence[AnyCall]], bool]
) -> list[AnyCall]:
    call = calls[place]
    if not isinstance(call, Render):
        return calls

    def among(some: Sequence[object]) -> list[AnyCall]:
        plain = msgspec.structs.replace(call, **{events: list(some)})
        return [*calls[:place], plain, *calls[place + 1 :]]

    return among(_fewer(list(getattr(call, events)), lambda some: fails(among(some))))


def _plainer(call: AnyCall) -> list[AnyCall]:
    """The same with less in it, the boldest first."""
    if isinstance(call, Recreate):
        usual = Recreate(48000.0, 512)
        return [usual] if call != usual else []
    if not isinstance(call, Render):
        return []
    ideas: list[dict[str, object]] = [
        {"frames": 64},
        {"frames": call.frames // 8},
        {"frames": call.frames // 2},
        {"midi": []},
        {"changes": []},
        {"source": "silence"},
        {"key": "silence"},
        {"blocks": []},
        {"tempo": 120.0, "position": 0, "playing": True},
    ]
    made: list[AnyCall] = []
    for idea in ideas:
        frames = idea.get("frames", call.frames)
        if not isinstance(frames, int) or not 1 <= frames <= call.frames:
            continue
        plain = msgspec.structs.replace(call, **idea)
        kept = {
            "midi": [one for one in plain.midi if one.frame < frames],
            "changes": [one for one in plain.changes if one.frame < frames],
        }
        plain = msgspec.structs.replace(plain, **kept)
        if plain != call:
            made.append(plain)
    return made
