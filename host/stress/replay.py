# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing again what a log says."""

from collections.abc import Sequence
from dataclasses import dataclass

from host.stress.call_log import CallLog, LogEnd
from host.stress.death import PluginDied
from host.stress.display import display_for
from host.stress.rig import open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import CallResult

_NONFINITE = "it sends NaN or Inf"
_LEFT_UNWRITTEN = "it leaves outputs unwritten"
_COMPLAINTS = ("NaN or Inf", "unwritten", "too slow")
_UNWRITTEN = 123456.0


@dataclass(frozen=True)
class Replayed:
    """What came of doing it again. `differs`: the number of the first call whose answer is another
    one; None: none is."""

    end: LogEnd | None
    done: int  # calls that came to their end
    digests: tuple[str, ...]
    differs: int | None = None
    place: str = ""  # of a crash: the instruction, where that is the plugin's

    def is_same(self, log: CallLog) -> bool:
        """To the bit, and to the same end, as far as the answers tell."""
        if self.differs is not None:
            return False
        return same_cause(self.end, log.end if shows(log) else None)


def shows(log: CallLog) -> bool:
    """Whether its end shows in the plugin's answers; else only the check can tell."""
    end = log.end
    return end is not None and (
        end.verdict != "fail" or any(word in end.message for word in _COMPLAINTS)
    )


def replay(
    workshop: Workshop, log: CallLog, *, patience: float = 1.0, unwinds: bool = True
) -> Replayed:
    """In a new worker. `patience`, `unwinds`: as of open_rig. Raises PluginRefused where the plugin
    does not let itself be created."""
    results: list[CallResult] = []
    end: LogEnd | None = None
    died: PluginDied | None = None
    try:
        with (
            display_for(log.calls) as shown,
            open_rig(
                workshop,
                log.plugin,
                sample_rate=log.sample_rate,
                max_frames=log.max_frames,
                memory_mb=log.memory_mb,
                offline=log.offline,
                disk_watched=log.disk_watched,
                direct=log.direct,
                patience=patience,
                unwinds=unwinds,
                display=shown.name if shown is not None else "",
            ) as rig,
        ):
            try:
                # What was answered then comes first: a death takes all answers of its request.
                answered = len(log.digests)
                results += rig.perform(log.calls[:answered])
                results += rig.perform(log.calls[answered:])
            except PluginDied as error:
                if shown is not None:
                    shown.must_live()
                died = error
                end = rig.log.end
                done = error.call if error.call is not None else 0
    except PluginDied as error:  # it does not survive its creation
        return Replayed(error.end, 0, (), place=error.place)
    if died is None:
        done = len(results)
        end = _complaint(results)
    digests = tuple(result.digest for result in results)
    known = zip(log.digests, digests, strict=False)
    differs = next((place for place, (old, new) in enumerate(known) if old != new), None)
    return Replayed(end, done, digests, differs, died.place if died is not None else "")


def same_cause(end: LogEnd | None, wanted: LogEnd | None) -> bool:
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
