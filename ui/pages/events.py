# SPDX-License-Identifier: GPL-3.0-or-later
"""What `scan` and `stress` tell while they run (`--progress json`; docs/scan.md and
docs/stress-reports.md).

Keys that this window does not know are passed over, and events too (ui/pages/command.py).
"""

import msgspec


class _Event(msgspec.Struct, frozen=True, tag_field="event", tag=str.lower):
    """The tag is the name, in small letters."""


class Looking(_Event, frozen=True):
    files: int


class Resuming(_Event, frozen=True):
    """It goes on with a scan that was cut short."""


class Count(_Event, frozen=True):
    done: int
    total: int
    failed: int = 0


class Warned(_Event, frozen=True, tag="warning"):
    text: str


class Probing(_Event, frozen=True, tag="starting"):
    what: str


class Result(_Event, frozen=True):
    """`was_run`: it was probed now; else it has not changed."""

    id: str
    status: str
    name: str = ""
    vendor: str = ""
    format: str = ""
    kind: str = ""
    detail: str = ""
    was_run: bool = True


ScanEvent = Looking | Resuming | Count | Warned | Probing | Result


class Checking(_Event, frozen=True, tag="starting"):
    plugin: str
    check: str
    name: str = ""


class Checked(_Event, frozen=True, tag="finished"):
    plugin: str
    check: str
    verdict: str
    name: str = ""
    seconds: float = 0.0
    message: str = ""


class PluginDone(_Event, frozen=True, tag="plugin"):
    plugin: str
    verdict: str
    line: str
    name: str = ""


class End(_Event, frozen=True):
    line: str
    verdict: str
    interrupted: bool = False


StressEvent = Count | Warned | Checking | Checked | PluginDone | End
