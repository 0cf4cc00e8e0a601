# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a verdict out of what a worker said, or out of how it ended."""

import math
import re

import msgspec

from host.crash_report import CrashReport
from host.scan.verdict import PhaseResult, ScannedPlugin, Status
from ipc.description import ParameterDescription
from ipc.messages import MAX_LINE, MAX_LINES, DeepFindings, Probed
from ipc.permissions import Permissions
from ipc.text import one_line
from ipc.worker_process import WorkerExit

# What toolkits write before they end a process that has no display.
_NO_DISPLAY = re.compile(
    r"(?:can(?:not|'t| ?not)|could ?n[o']t|unable to|failed to) (?:open|connect to|find)"
    r"[^\n]{0,40}display|no (?:x11 )?display|display[^\n]{0,20} not (?:set|found)|"
    r"xopendisplay|qt\.qpa\.(?:xcb|plugin)",
    re.IGNORECASE,
)
_LAST_LINES = 6
_NEARLY_ALL = 0.85  # of its memory, when it ended


# What a worker says is kept and shown: no more of it than a plugin may need.
_MOST_COUNT = 2**53
_MOST_LISTED = 20_000


def finite(value: float) -> float:
    """JSON, and most who read it, know no other numbers."""
    return value if math.isfinite(value) else 0.0


def described(result: ScannedPlugin, probed: Probed) -> ScannedPlugin:
    """The result with all that the plugin said of itself, and did."""
    about = probed.description
    return msgspec.structs.replace(
        result,
        name=_text(about.name),
        vendor=_text(about.vendor),
        version=_text(about.version),
        category=_text(about.category),
        kind="instrument" if about.is_instrument else "effect",
        in_channels=_count(about.in_channels),
        out_channels=_count(about.out_channels),
        sidechain_channels=_count(about.sidechain_channels),
        accepts_midi=about.accepts_midi,
        produces_midi=about.produces_midi,
        latency_frames=_count(about.latency_frames),
        tail_s=about.tail_s if math.isfinite(about.tail_s) else None,
        parameters=[_parameter(parameter) for parameter in about.parameters[:_MOST_LISTED]],
        programs=[_text(program) for program in about.programs[:_MOST_LISTED]],
        process_ms=round(finite(probed.process_ms), 3),
        memory_bytes=probed.memory_bytes,
        state_bytes=_count(about.state_bytes),
        peak=finite(probed.peak),
        nonfinite_samples=probed.nonfinite,
        remarks=[_text(remark) for remark in about.remarks[:MAX_LINES]],
        deep=None if probed.deep is None else _deep(probed.deep),
    )


def with_deep_end(
    result: ScannedPlugin, how: str, phase: PhaseResult, report: CrashReport | None
) -> ScannedPlugin:
    """Of a plugin that works, but did not survive the deep probe."""
    return msgspec.structs.replace(
        result,
        phases=[*result.phases, phase],
        deep=DeepFindings(findings=[f"the deep probe: {how}"]),
        signature=report.signature if report else None,
        crash=report,
    )


def _text(text: str) -> str:
    return one_line(text, MAX_LINE)


def _count(number: int) -> int:
    return min(max(0, number), _MOST_COUNT)


def _parameter(parameter: ParameterDescription) -> ParameterDescription:
    clean = {
        name: _text(value)
        for name, value in msgspec.structs.asdict(parameter).items()
        if isinstance(value, str)
    }
    plain = {
        name: value if value is None or math.isfinite(value) else None
        for name, value in (
            ("min_value", parameter.min_value),
            ("max_value", parameter.max_value),
            ("default_value", parameter.default_value),
        )
    }
    return msgspec.structs.replace(
        parameter,
        **clean,
        **plain,
        index=_count(parameter.index),
        steps=_count(parameter.steps),
        default=finite(parameter.default),
    )


def _deep(found: DeepFindings) -> DeepFindings:
    tail_s = found.measured_tail_s
    latency = found.measured_latency_frames
    return msgspec.structs.replace(
        found,
        measured_tail_s=tail_s if tail_s is not None and math.isfinite(tail_s) else None,
        measured_latency_frames=None if latency is None else _count(latency),
    )


def status_of_end(
    exit: WorkerExit, hung: bool, breach: str, limit_s: float, permissions: Permissions
) -> tuple[Status, str]:
    """The verdict on a plugin whose worker ended, and a line that says how."""
    if hung:
        return Status.HUNG, f"did not come back within {limit_s:g} s and was stopped"
    if breach:
        return Status.CRASHED, f"broke its connection to the host ({breach})"
    if exit.is_outside_kill:
        return Status.FAILED, f"was killed by {exit.killer}"
    limit_bytes = (permissions.memory_mb or 0) * 2**20
    if limit_bytes and exit.max_rss_bytes >= _NEARLY_ALL * limit_bytes:
        return Status.OUT_OF_MEMORY, (
            f"took {exit.max_rss_bytes // 2**20} MiB of memory, of the {permissions.memory_mb} "
            f"that it may have, and ended with {_how(exit)}"
        )
    if _NO_DISPLAY.search("\n".join(exit.stderr_tail.splitlines()[-_LAST_LINES:])):
        return Status.NEEDS_DISPLAY, f"needs a display, and ended with {_how(exit)} without one"
    if exit.called_exit or exit.signal is None:
        return Status.CRASHED, f"ended its process ({_how(exit)})"
    return Status.CRASHED, f"crashed with {_how(exit)}"


def _how(exit: WorkerExit) -> str:
    return exit.signal_name or f"exit code {exit.exit_code}"
