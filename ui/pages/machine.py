# SPDX-License-Identifier: GPL-3.0-or-later
"""What `isobooth doctor` found, in the few lines that matter to somebody who wants to play."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

_SHOWN = (
    ("Audio device", ("audio_devices", "sound_servers")),
    ("Real time", ("realtime_rights", "realtime_throttling", "locked_memory")),
    ("Processor", ("cores", "cpu_governor")),
)
_ORDER = ("ok", "warn", "fail")


class Finding(msgspec.Struct, frozen=True):
    """One check (docs/cli.md); keys that are not named here are passed over."""

    check: str
    status: str
    found: str
    needed: bool = False
    advice: str = ""


class _Doctor(msgspec.Struct, frozen=True):
    checks: tuple[Finding, ...]


@dataclass(frozen=True)
class MachineLine:
    """`status`: a word of ui/pages/parts/mark.py."""

    status: str
    name: str
    found: str
    advice: str = ""


def read_doctor(output: bytes) -> Sequence[Finding]:
    """Raises msgspec.DecodeError."""
    return msgspec.json.decode(output, type=_Doctor).checks


def lines_of(findings: Sequence[Finding]) -> list[MachineLine]:
    """Of each of a few subjects the worst; whatever else is needed and missing; the rest in one."""
    by_name = {one.check: one for one in findings}
    lines = []
    told: set[str] = set()
    for name, checks in _SHOWN:
        there = [by_name[check] for check in checks if check in by_name]
        told.update(checks)
        if there:
            worst = max(there, key=lambda one: _rank(one.status))  # the first of equals
            lines.append(
                MachineLine(worst.status, name, _sentence(worst.found), _sentence(worst.advice))
            )
    rest = [one for one in findings if one.check not in told]
    for one in rest:
        if one.status == "fail":
            name = one.check.replace("_", " ").capitalize()
            lines.append(MachineLine("fail", name, _sentence(one.found), _sentence(one.advice)))
    doubtful = [one.check.replace("_", " ") for one in rest if one.status == "warn"]
    if doubtful:
        lines.append(
            MachineLine(
                "warn",
                "The rest",
                f"Works; could be better: {', '.join(doubtful)}",
                "“isobooth doctor” in a terminal says how",
            )
        )
    elif not any(one.status == "fail" for one in rest):
        lines.append(
            MachineLine("ok", "The rest", f"{len(rest)} more things were looked at: all well")
        )
    return lines


def _rank(status: str) -> int:
    return _ORDER.index(status) if status in _ORDER else 0


def _sentence(text: str) -> str:
    """Commands stand in back quotes, which are for terminals; for one there is a word here."""
    here = text.replace(
        "`isobooth play --device null` plays", "“No device” in the menu of devices plays"
    )
    quoted = re.sub(r"`([^`]*)`", r"“\1”", here)
    return quoted[:1].upper() + quoted[1:]
