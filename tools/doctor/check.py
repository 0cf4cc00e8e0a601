# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and how all of them are run.

A check that fails to check must not hide the others, so each is run for itself, and an error in
one becomes its finding.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

Value = str | int | float | bool | None | list[str] | dict[str, int]


class Status(StrEnum):
    """How a check went. Only what is needed can fail; anything else warns."""

    OK = "ok"
    WARN = "warn"  # works worse without it
    FAIL = "fail"  # does not work without it


@dataclass(frozen=True)
class Machine:
    """Where checks look; a test gives a folder that stands for another machine's root."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=lambda: Path(os.path.expanduser("~")))

    def path(self, name: str) -> Path:
        """A path of this machine; `name` as usual, from the root."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str | None:
        """A small text file such as those in /proc, stripped; None where it is not there."""
        try:
            return self.path(name).read_text(errors="replace").strip()
        except OSError:
            return None


class Finding(msgspec.Struct, frozen=True):
    """What a check found: a line for people, `values` for programs, `advice` unless all is well."""

    status: Status
    found: str
    advice: str = ""
    values: dict[str, Value] = {}


@dataclass(frozen=True)
class Check:
    """One thing to look at. `name` is stable: scripts select by it."""

    name: str
    what: str  # what depends on it, for a person
    look: Callable[[Machine], Finding]
    needed: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A check with its finding, as in the JSON."""

    check: str
    what: str
    needed: bool
    status: Status
    found: str
    advice: str
    values: dict[str, Value]


def ok(found: str, **values: Value) -> Finding:
    """All is well."""
    return Finding(Status.OK, found, "", values)


def warn(found: str, advice: str, **values: Value) -> Finding:
    """Works, but worse than it could."""
    return Finding(Status.WARN, found, advice, values)


def fail(found: str, advice: str, **values: Value) -> Finding:
    """Does not work."""
    return Finding(Status.FAIL, found, advice, values)


def run_checks(checks: Iterable[Check], machine: Machine) -> list[Result]:
    """Every check's result, in their order."""
    return [_result_of(check, machine) for check in checks]


def overall(results: Iterable[Result]) -> Status:
    """The worst status of all."""
    seen = {result.status for result in results}
    return next((status for status in (Status.FAIL, Status.WARN) if status in seen), Status.OK)


def _result_of(check: Check, machine: Machine) -> Result:
    try:
        finding = check.look(machine)
    except Exception as error:  # whatever is wrong with the machine, the other checks go on
        finding = fail(
            f"could not be checked: {type(error).__name__}: {error}",
            "please report this with the output of `isobooth doctor --json`",
        )
    status = finding.status
    if status is Status.FAIL and not check.needed:
        status = Status.WARN
    return Result(
        check=check.name,
        what=check.what,
        needed=check.needed,
        status=status,
        found=finding.found,
        advice=finding.advice,
        values=finding.values,
    )
