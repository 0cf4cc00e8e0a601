# SPDX-License-Identifier: GPL-3.0-or-later
"""Can a report be done again? It comes from elsewhere: it may be damaged, or made by somebody."""

from host.crash_report import CrashReport, FaultKind, ReportedEvent
from ipc.errors import InputError

# What the engine takes.
_RATES_HZ = (8000, 768_000)
_MOST_FRAMES = 8192
_MOST_BLOCK = 2**40  # a century; its frames can still be counted
_MOST_INDEX = 2**32 - 1  # of a parameter


def check(report: CrashReport) -> None:
    """Raises InputError, which names what cannot be used."""
    if report.kind is FaultKind.KILLED:
        raise InputError(
            f"report {report.id}: its worker was killed from outside; that is "
            "nothing that the plugin would do again"
        )
    host = report.host
    if not _RATES_HZ[0] <= host.sample_rate_hz <= _RATES_HZ[1]:
        raise _unusable(report, f"a sample rate of {host.sample_rate_hz:g} Hz")
    if not 1 <= host.block_frames <= _MOST_FRAMES:
        raise _unusable(report, f"a block of {host.block_frames} frames")
    if not 0 <= report.block <= _MOST_BLOCK:
        raise _unusable(report, f"block {report.block}")
    for place, event in enumerate(report.last_events):
        if wrong := _wrong(event):
            raise _unusable(report, f"{wrong} in its event {place}")


def _unusable(report: CrashReport, what: str) -> InputError:
    return InputError(f"report {report.id}: cannot be replayed: it tells of {what}: is it damaged?")


def _wrong(event: ReportedEvent) -> str:
    if not 0 <= event.block <= _MOST_BLOCK:
        return f"block {event.block}"
    if not 0 <= event.frame < 2**32:
        return f"frame {event.frame}"
    parameter, data = event.detail.get("parameter"), event.detail.get("bytes", "")
    if isinstance(parameter, int) and not 0 <= parameter <= _MOST_INDEX:
        return f"parameter {parameter}"
    try:
        bytes.fromhex(str(data))
    except ValueError:
        return "bytes that are no hexadecimal digits"
    return ""
