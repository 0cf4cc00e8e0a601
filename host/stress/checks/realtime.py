# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done inside process() that may take any time, seen without building the plugin anew: by
a library that is loaded before all others, and by the kernel, which hands system calls back."""

import contextlib
import re
from pathlib import Path
from typing import Any, ClassVar

from host.stress.check import Check, Subject
from host.stress.rig import Rig
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import CallResult, Violation

_MOST_PARAMETERS = 64
_BUNDLES = (".vst3", ".lv2", ".clap")


class _Audit(Check):
    """Plays it with everything that a host does while it plays, and looks at one kind of act."""

    level = 3
    needs_audit = True
    kind: ClassVar[str]

    def run(self, subject: Subject) -> None:
        own = own_libraries(subject.description)
        blocks = 0
        unseen: list[str] = []
        with subject.open(max_frames=256) as rig:
            rate = round(subject.sample_rate)
            for result in _played(rig, subject, rate):
                blocks += len(result.times.wall_ns) if result.times is not None else 0
                unseen += [one for one in result.unseen if one not in unseen]
                for violation in result.violations:
                    if violation.kind == self.kind and is_its_own(violation, own):
                        self._tell(subject, violation, own)
        subject.figures["blocks"] = blocks
        for one in unseen:
            subject.find(Verdict.PASS, f"not looked at here: {one}")

    def verdict(self, violation: Violation) -> Verdict:
        return Verdict.FAIL

    def _tell(self, subject: Subject, violation: Violation, own: frozenset[str]) -> None:
        where = next((frame for frame in violation.stack if library_of(frame) in own), "")
        subject.find(
            self.verdict(violation),
            f"process() calls {violation.what} {violation.count} times, in {where}",
            key=f"{violation.what} {place_of(where)}",
            stack=list(violation.stack),
        )


class AllocatesNothing(_Audit):
    name = "allocates-nothing-in-process"
    what = "looks for malloc, free and their like inside process(), with the stack that leads there"
    means = "a block may wait for a lock that another thread holds, or for the kernel"
    kind = "allocation"


class LocksNothing(_Audit):
    name = "locks-nothing-in-process"
    what = "looks for mutexes, read-write locks, spin locks and conditions inside process()"
    means = (
        "a block may wait for a thread that has no right to run now; uncontended, it may be luck"
    )
    kind = "lock"

    def verdict(self, violation: Violation) -> Verdict:
        is_sure = "contended" in violation.what or "cond" in violation.what
        return Verdict.FAIL if is_sure else Verdict.WARN


class AsksTheKernelForNothing(_Audit):
    name = "asks-the-kernel-for-nothing-in-process"
    what = "has the kernel hand every system call inside process() back, and does it itself"
    means = "a block takes as long as a disk, a screen or another program wants"
    kind = "system-call"


class MakesGoodNumbers(Check):
    name = "makes-good-numbers"
    level = 5
    needs_audit = True
    what = "finds the instruction that makes a NaN, or a number too small to be normal"
    means = "what another check hears, or what slows it down, comes from there"

    def run(self, subject: Subject) -> None:
        own = own_libraries(subject.description)
        rate = round(subject.sample_rate)
        for trap in ("invalid", "denormal"):
            with subject.open() as rig:
                results = [
                    rig.render(
                        rate, keep=False, trap=trap, denormals=True, **subject.stimulus(rate)
                    ).result,
                    rig.render(
                        2 * rate, source="silence", keep=False, trap=trap, denormals=True
                    ).result,
                ]
            for violation in (one for result in results for one in result.violations):
                if not is_its_own(violation, own):
                    continue
                where = next((frame for frame in violation.stack if library_of(frame) in own), "")
                # With the helper's flags off, most plugins make small numbers: no fault in itself.
                verdict = Verdict.WARN if trap == "invalid" else Verdict.PASS
                subject.find(
                    verdict,
                    f"{violation.what} in {where}",
                    key=f"{violation.what} {place_of(where)}",
                    stack=list(violation.stack),
                )


def _played(rig: Rig, subject: Subject, rate: int) -> list[CallResult]:
    # Not what it does once, at first, on each thread that plays it.
    options: dict[str, Any] = {"keep": False, "audit": True, "audit_from": rate}
    results = [rig.render(2 * rate, **options, **subject.stimulus(2 * rate)).result]
    some = subject.description.parameters[:_MOST_PARAMETERS]
    changes = [
        (rate + place * 97 + turn, parameter.index, value)
        for place, parameter in enumerate(some)
        for turn, value in enumerate((0.0, 1.0, 0.5))
        if parameter.automatable
    ]
    results.append(
        rig.render(
            2 * rate, changes=sorted(changes), **options, **subject.stimulus(2 * rate)
        ).result
    )
    return results


def own_libraries(description: PluginDescription) -> frozenset[str]:
    """The names of the files that its code is in."""
    path = Path(description.path)
    names = {path.name} - {""}
    if path.suffix in _BUNDLES and path.is_dir():
        with contextlib.suppress(OSError):
            names |= {one.name for one in path.rglob("*.so*")}
    return frozenset(names)


def place_of(frame: str) -> str:
    """The frame as the next build of the plugin has it: without the offset, where it has a name."""
    return re.sub(r"\+0x[0-9a-f]+$", "", frame) if " in " in frame else frame


def is_its_own(violation: Violation, own: frozenset[str]) -> bool:
    """Whether any of the plugin's code is on the stack; else it is its host's."""
    return any(library_of(frame) in own for frame in violation.stack)


def library_of(frame: str) -> str:
    """Of FUNCTION in LIBRARY+OFFSET."""
    return frame.rpartition(" in ")[2].rpartition("+")[0]
