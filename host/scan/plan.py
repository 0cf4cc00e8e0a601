# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan has to do: which files are as they were, which cannot work, which must be run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from host.catalogue.catalogue import Completion, FileKey, KnownFile, Run, Stamped
from host.crash_report import storable_text
from host.scan.finds import Found
from host.scan.fingerprint import Stamps, fingerprint_of, libraries_of
from host.scan.verdict import ScannedPlugin, Status, static_verdict

if TYPE_CHECKING:
    from host.scan.binary import Binary
    from host.scan.static_pass import StaticResult

# Whatever a probe finds out more than before must be found out of all plugins once.
PROBE_VERSION = 1

# A plugin that failed may have done so for want of something that is there by now.
_RETRY_AFTER = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))

# What the files alone do not decide: it may be mended outside of them.
_LOOK_AGAIN = (Status.UNREADABLE, Status.MISSING_LIB)


@dataclass(frozen=True)
class FilePlan:
    """A file to be probed; `completion` is what will be known of it then. `done`: plugins of it
    that need not be run again."""

    key: FileKey
    name: str  # as far as its files tell
    completion: Completion
    done: tuple[str, ...] = ()


@dataclass
class Plan:
    """`touched` files are unchanged too, but have another stamp. `verdicts` are known without
    running anything."""

    unchanged: int = 0
    touched: dict[FileKey, Stamped] = field(default_factory=dict)
    verdicts: list[tuple[FileKey, ScannedPlugin, Completion]] = field(default_factory=list)
    probes: list[FilePlan] = field(default_factory=list)
    waiting: int = 0  # failed before, unchanged, and not due yet


class Planner:
    """With `force`, all is probed that this run has not probed yet. With `deep`, what has been
    probed less deeply is probed again."""

    def __init__(
        self, known: Mapping[FileKey, KnownFile], run: Run, *, deep: bool, force: bool
    ) -> None:
        self._known = known
        self._run = run
        self._deep = deep
        self._force = force
        self._stamps = Stamps()
        self._examiner: _Examiner | None = None
        self._now = datetime.now(UTC)

    def plan(self, found: Iterable[Found], stop: Callable[[], None]) -> Plan:
        """`stop` is called before each file, and may raise."""
        plan = Plan()
        for each in found:
            stop()
            self._add(plan, each)
        return plan

    def _add(self, plan: Plan, found: Found) -> None:
        key = (found.format.value, str(found.path))
        known = self._known.get(key)
        libraries = known.libraries if known is not None else ()
        stamp = None if found.problem else self._stamps.of(found.path, libraries)
        if (
            known is not None
            and stamp is not None
            and stamp == known.stamp
            and self._is_settled(known)
        ):
            plan.unchanged += 1
            plan.waiting += known.retry_at is not None
            return
        if self._examiner is None:
            self._examiner = _Examiner()
        result, loaded = self._examiner.look(found)
        if result.status is not Status.OK:
            plan.verdicts.append(self._verdict(found, key, result, stamp))
            return
        paths = tuple(str(library.path) for library in loaded)
        stamp = self._stamps.of(found.path, paths)
        fingerprint = fingerprint_of(found.path, loaded)
        done: frozenset[str] = frozenset()
        failures = 1
        if known is not None and fingerprint is not None and fingerprint == known.fingerprint:
            if known.stamp is None:  # cut short
                done = known.probed
            elif self._is_settled(known):
                plan.unchanged += 1
                plan.touched[key] = Stamped(stamp, paths)
                return
            else:
                failures = known.failures + 1
                if not self._force and self._is_as_deep(known):
                    done = known.fine
        after = _RETRY_AFTER[min(failures, len(_RETRY_AFTER)) - 1]
        plan.probes.append(
            FilePlan(
                key,
                result.name,
                Completion(
                    key=key,
                    plugins=(),
                    stamp=stamp,
                    fingerprint=fingerprint,
                    libraries=paths,
                    is_deep=self._deep,
                    probe_version=PROBE_VERSION,
                    failures=failures,
                    retry_at=(self._now + after).isoformat(timespec="milliseconds"),
                ),
                tuple(sorted(done)),
            )
        )

    def _is_settled(self, known: KnownFile) -> bool:
        """Whether what is known of an unchanged file will do."""
        if known.status in _LOOK_AGAIN or not self._is_as_deep(known):
            return False
        of_this_run = known.scanned_at is not None and known.scanned_at >= self._run.started_at
        if self._force:
            return of_this_run
        is_due = known.retry_at is not None and known.retry_at <= self._now.isoformat()
        return of_this_run or not is_due

    def _is_as_deep(self, known: KnownFile) -> bool:
        return known.probe_version == PROBE_VERSION and (known.is_deep or not self._deep)

    def _verdict(
        self, found: Found, key: FileKey, result: StaticResult, stamp: str | None
    ) -> tuple[FileKey, ScannedPlugin, Completion]:
        identity = f"{found.format}:{found.path}"
        plugin = static_verdict(
            identity,
            found.format.value,
            str(found.path),
            result.name,
            result.status,
            result.detail,
        )
        completion = Completion(
            key=key,
            plugins=(identity,),
            stamp=stamp,
            fingerprint=None,
            libraries=(),
            is_deep=True,  # there is nothing to probe more deeply
            probe_version=PROBE_VERSION,
        )
        return key, plugin, completion


def nameable(found: Found) -> Found:
    """A song, or this catalogue, cannot name a file whose name is no text."""
    named = str(found.path)
    text = storable_text(named)
    if text == named and not any(character in named for character in "\n\r"):
        return found
    problem = "its name is no plain text, so nothing can name it: rename it"
    return Found(found.format, Path(" ".join(text.split())), problem)


class _Examiner:
    """The static pass. What it takes is imported when the first file has changed: most scans find
    nothing new, and should be over at once."""

    def __init__(self) -> None:
        from host.scan.libraries import Libraries

        self._libraries = Libraries()

    def look(self, found: Found) -> tuple[StaticResult, list[Binary]]:
        from host.scan.static_pass import examine

        result = examine(found, self._libraries)
        return result, libraries_of(result.binaries, self._libraries)
