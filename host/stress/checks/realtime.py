# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done inside process() that may take any time, seen without building the plugin anew: by
a library that is loaded before all others, and by the kernel, which hands system calls back."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from host.backtrace.explain import name_places
from host.backtrace.frames import CodePlace
from host.stress.check import Check, Subject
from host.stress.rig import Rig
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import CallResult, Place, Violation
from ipc.text import one_line

_MOST_PARAMETERS = 64
_MOST_LETTERS = 800  # of a frame
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
        violations: list[Violation] = []
        with subject.open(max_frames=256) as rig:
            rate = round(subject.sample_rate)
            for result in _played(rig, subject, rate):
                blocks += len(result.times.wall_ns) if result.times is not None else 0
                unseen += [one for one in result.unseen if one not in unseen]
                violations += [
                    one
                    for one in result.violations
                    if one.kind == self.kind and is_its_own(one, own)
                ]
        subject.figures["blocks"] = blocks
        for blamed in _blamed(violations, own):
            self._tell(subject, blamed)
        subject.tell_unseen(unseen)

    def verdict(self, violation: Violation) -> Verdict:
        return Verdict.FAIL

    def _tell(self, subject: Subject, blamed: "_Blamed") -> None:
        violation = blamed.violation
        subject.find(
            self.verdict(violation),
            f"process() calls {violation.what} {violation.count} times, in {blamed.where}",
            key=blamed.key,
            stack=blamed.stack,
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
            violations = [
                one for result in results for one in result.violations if is_its_own(one, own)
            ]
            for blamed in _blamed(violations, own):
                subject.find(
                    Verdict.WARN,
                    f"{blamed.violation.what} in {blamed.where}",
                    key=blamed.key,
                    stack=blamed.stack,
                )
            subject.tell_unseen([text for result in results for text in result.unseen])


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


def place_of(place: Place) -> str:
    """As the next build of the plugin has it: without the offset, where the library exports the
    function. Other names depend on what debug information a machine has."""
    return f"{place.function} in {place.file}" if place.function else str(place)


def is_its_own(violation: Violation, own: frozenset[str]) -> bool:
    """Whether any of the plugin's code is on the stack; else it is its host's."""
    return any(place.file in own for place in violation.stack)


@dataclass(frozen=True)
class _Blamed:
    """A violation, told as a crash there would be. `where`: innermost in the plugin's own code."""

    violation: Violation
    key: str
    where: str
    stack: list[str]


def _blamed(violations: Sequence[Violation], own: frozenset[str]) -> Iterator[_Blamed]:
    """All of which are the plugin's own. Their functions are looked up together."""
    places = list(dict.fromkeys(place for one in violations for place in one.stack))
    asked = [CodePlace(one.library, one.offset, one.function or None) for one in places]
    frames = {
        place: one_line(str(frame), _MOST_LETTERS)
        for place, frame in zip(places, name_places(asked), strict=True)
    }
    for violation in violations:
        place = next(place for place in violation.stack if place.file in own)
        yield _Blamed(
            violation,
            key=f"{violation.what} {place_of(place)}",
            where=frames[place],
            stack=[frames[one] for one in violation.stack],
        )
