# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine may lack: memory at the wrong moment, room on a disk, a quick one, a network. A
plugin may say no to its host then, or do without; its host must live on."""

import random
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from host.stress.check import Check, Subject
from host.stress.checks.realtime import own_libraries
from host.stress.checks.state import as_chosen, shuffled
from host.stress.death import PluginDied, PluginRefused
from host.stress.rig import Rig
from host.stress.verdict import Verdict
from ipc.rig_calls import AnyCall, InjectFaults, Recreate, SaveState, SetParameter, SetState
from ipc.text import one_line, some_of

_C_LIBRARIES = ("libc.so", "libstdc++.so", "libgcc_s.so", "libm.so", "ld-linux", "linux-vdso")
# Of FUNCTION in LIBRARY+OFFSET at FILE:LINE.
_LIBRARY = re.compile(r" in (.+?)\+0x[0-9a-f]+")
_COUNT_ONLY = 1 << 32  # more allocations than any call has
_MOST_ALLOCATIONS = 10_000_000


class SurvivesFailedAllocations(Check):
    name = "survives-failed-allocations"
    level = 6
    needs_audit = True
    what = (
        "lets one allocation of its own fail, another one each time, while it is created, saved "
        "and restored: 16 of each at level 6, twice as many with each further level"
    )
    means = "short of memory for a moment, it takes its host along instead of saying no"

    def run(self, subject: Subject) -> None:
        numbers = subject.random("allocations")
        most = 16 * 2 ** max(0, subject.level - 6)
        recreate = Recreate(subject.sample_rate, subject.max_frames)
        with subject.open() as rig:
            calls: dict[str, AnyCall] = {"creation": recreate, "saving": SaveState()}
            state = rig.save_state()
            if state:
                calls["restoring"] = SetState(state)
            counting = rig.perform([InjectFaults(allocation=_COUNT_ONLY), *calls.values()])
        if counting[0].refused:
            subject.find(Verdict.PASS, f"not looked at here: {counting[0].refused}")
            return
        for (what, call), result in zip(calls.items(), counting[1:], strict=True):
            count = min(result.allocations, _MOST_ALLOCATIONS)  # whatever a worker says
            subject.figures[f"allocations_in_{what}"] = count
            for number in _some(count, most, numbers):
                if not self._survives(subject, what, call, number):
                    break

    def _survives(self, subject: Subject, what: str, call: AnyCall, number: int) -> bool:
        try:
            with subject.open() as rig:
                rig.perform([InjectFaults(allocation=number), call, InjectFaults()])
                rig.render(2048, keep=False, **subject.stimulus(2048))
        except PluginDied as died:
            stack = list(died.last.backtrace)
            if not _is_its_own(stack, own_libraries(subject.description)):
                subject.find(
                    Verdict.PASS,
                    f"what hosts it does not survive that allocation {number} of {what} fails",
                    key=f"host {what}",
                    stack=stack,
                )
                return True
            # On Linux, memory is promised before it is there: few users will ever see this.
            subject.find(
                Verdict.WARN,
                f"{what} does not survive that allocation {number} fails: {died}",
                key=what,
                stack=stack,
                keeps_log=True,
            )
            return False
        except PluginRefused as refused:
            subject.find(Verdict.WARN, f"after allocation {number} of {what} failed: {refused}")
            return False
        return True


def _is_its_own(stack: list[str], own: frozenset[str]) -> bool:
    """Whether it is the plugin that died, or threw what nobody caught: JUCE does not survive every
    instance that could not be made."""
    libraries = [found[1] for found in map(_LIBRARY.search, stack) if found]
    dead = next((one for one in libraries if not one.startswith(_C_LIBRARIES)), "")
    return not dead or dead in own


def _some(count: int, most: int, numbers: random.Random) -> list[int]:
    """Of 1 to `count`, at most so many: the first ones, on which all else is built, and others."""
    if count <= most:
        return list(range(1, count + 1))
    first = most // 2
    return [
        *range(1, first + 1),
        *sorted(numbers.sample(range(first + 1, count + 1), most - first)),
    ]


class SurvivesAFullDisk(Check):
    name = "survives-a-full-disk"
    level = 5
    what = (
        "creates, plays, saves and restores it while no write to a file finds room, by a call or "
        "through memory, and again where no file can be opened for writing"
    )
    means = "the day the disk is full, it takes the song along that can no longer be saved"

    def run(self, subject: Subject) -> None:
        for what, fault in (
            ("while the disk is full", InjectFaults(disk_full=True)),
            ("where it may not write", InjectFaults(read_only=True)),
        ):
            with subject.open(disk_watched=fault.disk_full) as rig:
                state = rig.save_state()
                injected = rig.perform([fault])[0]
                if injected.refused:
                    subject.find(Verdict.PASS, f"not looked at here: {injected.refused}")
                    continue
                self._use(subject, rig, state, what)
                files = [f"'{one_line(Path(file).name)}'" for file in rig.written_without_room]
                if files:
                    subject.find(
                        Verdict.FAIL,
                        f"{what}, it writes to {some_of(files, 4)} through memory for which there "
                        "is no room: there, it dies of SIGBUS (posix_fallocate reserves room)",
                        key="mapped",
                    )

    def _use(self, subject: Subject, rig: Rig, state: bytes, what: str) -> None:
        result = rig.recreate(subject.sample_rate, subject.max_frames)
        if result.refused:
            subject.find(Verdict.WARN, f"it cannot be created {what}: {result.refused}", key=what)
            return
        frames = round(subject.sample_rate) // 2
        rig.render(frames, keep=False, **subject.stimulus(frames))
        saved = rig.save_state()
        if state and not saved:
            subject.find(Verdict.FAIL, f"it saves no state {what}", key=f"state {what}")
        if state:
            rig.set_state(state)
        for number in range(min(4, len(rig.description.programs))):
            rig.set_program(number)
        rig.idle()
        rig.render(frames, keep=False, **subject.stimulus(frames))


@dataclass(frozen=True)
class _Used:
    """What came of creating, setting, saving and restoring it."""

    created: str = ""  # why not
    saved: bool = False
    restored: str = ""  # why not
    values: list[float] = field(default_factory=list)  # of its parameters, restored


class SurvivesASlowDisk(Check):
    name = "survives-a-slow-disk"
    level = 5
    what = (
        "creates, plays, saves and restores it while each write to a file takes a tenth of a "
        "second and each read, or 128 KiB mapped, a hundredth, and compares with what came of the "
        "same on a quick disk"
    )
    means = "on a disk that is busy, or far away, it takes the song along, or loses its settings"

    _WRITE_MS = 100
    _READ_MS = 10  # there are many more of them

    def run(self, subject: Subject) -> None:
        numbers = subject.random("slow disk")
        chosen, others = (shuffled(subject.description, numbers) for _ in range(2))
        with subject.open(disk_watched=True) as rig:
            quick = self._use(subject, rig, chosen, others)
        if quick.created:
            subject.find(Verdict.PASS, "not looked at: it cannot be created a second time")
            return
        with subject.open(disk_watched=True) as rig:
            injected = rig.perform([InjectFaults(write_ms=self._WRITE_MS, read_ms=self._READ_MS)])[
                0
            ]
            if injected.refused:
                subject.find(Verdict.PASS, f"not looked at here: {injected.refused}")
                return
            slow = self._use(subject, rig, chosen, others)
            subject.figures["slow_writes"] = rig.disk_faults
            subject.figures["slow_reads"] = rig.slow_reads
        self._compare(subject, chosen, quick, slow)
        if not subject.figures["slow_writes"] and not subject.figures["slow_reads"]:
            subject.find(Verdict.PASS, "it never waits for a disk")

    def _use(
        self,
        subject: Subject,
        rig: Rig,
        chosen: list[SetParameter],
        others: list[SetParameter],
    ) -> _Used:
        refused = rig.recreate(subject.sample_rate, subject.max_frames).refused
        if refused:
            return _Used(created=refused)
        frames = round(subject.sample_rate) // 4
        rig.perform(chosen)
        rig.render(frames, keep=False, **subject.stimulus(frames))
        state = rig.save_state()
        rig.perform(others)
        restored = rig.set_state(state) if state else ""
        rig.idle()
        rig.render(frames, keep=False, **subject.stimulus(frames))
        return _Used("", bool(state), restored, rig.parameters())

    def _compare(
        self, subject: Subject, chosen: list[SetParameter], quick: _Used, slow: _Used
    ) -> None:
        """With what it can on a quick disk: all else is the business of other checks."""
        if slow.created:
            told = f"it cannot be created on a slow disk: {slow.created}"
            subject.find(Verdict.FAIL, told, key="created")
        elif quick.saved and not slow.saved:
            subject.find(Verdict.FAIL, "it saves no state on a slow disk", key="saved")
        elif slow.restored and not quick.restored:
            told = f"it refuses what it saved on a slow disk: {slow.restored}"
            subject.find(Verdict.FAIL, told, key="restored")
        elif quick.saved:
            names = [parameter.name for parameter in subject.description.parameters]
            lost = as_chosen(chosen, quick.values) - as_chosen(chosen, slow.values)
            told = some_of([f"'{names[index]}'" for index in sorted(lost)], 4)
            if lost:
                subject.find(
                    Verdict.FAIL,
                    f"what it saves on a slow disk does not hold {told}",
                    key="lost",
                )


class SurvivesNoNetwork(Check):
    name = "survives-no-network"
    level = 3
    what = "creates, saves and destroys it without a network, and looks for how long that takes"
    means = "on a stage, where there is none, it keeps its host waiting"
    is_timed = True

    _LONG_S = 2.0

    def run(self, subject: Subject) -> None:
        if subject.workshop.permissions(subject.plugin).profile == "open":
            subject.find(Verdict.SKIP, "its profile is open: nothing keeps it from the network")
            return
        began = time.monotonic()
        with subject.open(offline=True) as rig:
            took = {"created": time.monotonic() - began}
            calls: dict[str, AnyCall] = {
                "saved": SaveState(),
                "created again": Recreate(subject.sample_rate, subject.max_frames),
            }
            for what, call in calls.items():
                began = time.monotonic()
                rig.perform([call])
                took[what] = time.monotonic() - began
            frames = round(subject.sample_rate) // 2
            rig.render(frames, keep=False, **subject.stimulus(frames))
            rig.idle()
            wanted = [denial for denial in rig.denials if "network" in denial]
        subject.figures |= {f"{what.replace(' ', '_')}_s": round(s, 3) for what, s in took.items()}
        if not wanted:
            subject.find(Verdict.PASS, "it asks for no network")
            return
        what, longest = max(took.items(), key=lambda each: each[1])
        if longest > self._LONG_S:
            subject.find(
                Verdict.WARN,
                f"without a network, it takes {longest:.1f} s for it to be {what}: it wants to "
                f"{wanted[0]}",
                key="waits",
            )
