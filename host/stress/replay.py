# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing again what a log says, and finding the shortest that still fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from host.stress.call_log import CallLog, LogEnd
from host.stress.death import PluginDied, PluginRefused
from host.stress.display import display_for
from host.stress.rig import open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import AnyCall, CallResult, Recreate, Render

T = TypeVar("T")

_NONFINITE = "it sends NaN or Inf"
_LEFT_UNWRITTEN = "it leaves outputs unwritten"
_COMPLAINTS = ("NaN or Inf", "unwritten")
_UNWRITTEN = 123456.0


@dataclass(frozen=True)
class Replayed:
    """What came of doing it again. `differs`: the number of the first call whose answer is another
    one; None: none is."""

    end: LogEnd | None
    done: int  # calls that came to their end
    digests: tuple[str, ...]
    differs: int | None = None

    def is_same(self, log: CallLog) -> bool:
        """To the bit, and to the same end, as far as the answers tell."""
        if self.differs is not None:
            return False
        return _fits(self.end, log.end if shows(log) else None)


def shows(log: CallLog) -> bool:
    """Whether its end shows in the plugin's answers; else only the check can tell."""
    end = log.end
    return end is not None and (
        end.verdict != "fail" or any(word in end.message for word in _COMPLAINTS)
    )


def replay(workshop: Workshop, log: CallLog) -> Replayed:
    """In a new worker. Raises PluginRefused where the plugin does not let itself be created."""
    results: list[CallResult] = []
    end: LogEnd | None = None
    died = False
    try:
        with (
            display_for(log.calls) as display,
            open_rig(
                workshop,
                log.plugin,
                sample_rate=log.sample_rate,
                max_frames=log.max_frames,
                display=display,
            ) as rig,
        ):
            try:
                # What was answered then comes first: a death takes all answers of its request.
                answered = len(log.digests)
                results += rig.perform(log.calls[:answered])
                results += rig.perform(log.calls[answered:])
            except PluginDied as error:
                died = True
                end = rig.log.end
                done = error.call if error.call is not None else 0
    except PluginDied as error:  # it does not survive its creation
        last = error.last
        end = LogEnd(
            verdict=error.verdict,
            message=str(error),
            signal=last.signal,
            signature=error.signature,
        )
        return Replayed(end, 0, ())
    if not died:
        done = len(results)
        end = _complaint(results)
    digests = tuple(result.digest for result in results)
    known = zip(log.digests, digests, strict=False)
    differs = next((place for place, (old, new) in enumerate(known) if old != new), None)
    return Replayed(end, done, digests, differs)


def shrink(
    workshop: Workshop,
    log: CallLog,
    *,
    tell: Callable[[int, int], None] = lambda calls, tries: None,
    stop: Callable[[], None] = lambda: None,
) -> CallLog:
    """The shortest log that comes to the same end, by delta debugging: fewer calls first, then
    smaller ones. `tell` hears how many are left after so many tries. Raises PluginRefused."""
    tries = 0

    def fails(calls: Sequence[AnyCall]) -> bool:
        nonlocal tries
        stop()
        tries += 1
        tell(len(calls), tries)
        try:
            return _fits(replay(workshop, log.cut(list(calls))).end, log.end)
        except PluginRefused:
            return False

    calls = _fewer(list(log.calls), fails)
    calls = _smaller(calls, fails)
    calls = _fewer(calls, fails)
    made = log.cut(calls)
    again = replay(workshop, made)
    made.end, made.digests = again.end, list(again.digests)
    return made


def _fits(end: LogEnd | None, wanted: LogEnd | None) -> bool:
    """The same cause, as far as anybody can tell."""
    if end is None or wanted is None:
        return end is wanted
    if end.verdict != wanted.verdict or end.signal != wanted.signal:
        return False
    if end.signature and wanted.signature and end.verdict == "crash":
        return end.signature == wanted.signature
    if end.verdict == "fail":
        return all((word in end.message) == (word in wanted.message) for word in _COMPLAINTS)
    return True


def _complaint(results: Sequence[CallResult]) -> LogEnd | None:
    """What a check complains of that shows in the answers themselves."""
    for result in results:
        if result.nonfinite:
            return LogEnd(verdict="fail", message=_NONFINITE)
        if _UNWRITTEN < result.peak < _UNWRITTEN + 1:
            return LogEnd(verdict="fail", message=_LEFT_UNWRITTEN)
    return None


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
    """Each call as plain as it can be."""
    for place in range(len(calls)):
        for _ in range(16):
            for plain in _plainer(calls[place]):
                tried = [*calls[:place], plain, *calls[place + 1 :]]
                if fails(tried):
                    calls = tried
                    break
            else:
                break
    return calls


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
        {"midi": call.midi[: len(call.midi) // 2]},
        {"midi": call.midi[len(call.midi) // 2 :]},
        {"changes": call.changes[: len(call.changes) // 2]},
        {"changes": call.changes[len(call.changes) // 2 :]},
        {"source": "silence"},
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
