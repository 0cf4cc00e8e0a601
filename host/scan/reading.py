# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a verdict out of what a worker said, or out of how it ended."""

import math
import re

import msgspec

from host.scan.verdict import ScannedPlugin, Status
from ipc.description import ParameterDescription
from ipc.messages import Probed
from ipc.permissions import Permissions
from ipc.worker_process import WorkerExit

# What toolkits write before they end a process that has no display.
_NO_DISPLAY = re.compile(
    r"(?:can(?:not|'t| ?not)|could ?n[o']t|unable to|failed to) (?:open|connect to|find)"
    r"[^\n]{0,40}display|no (?:x11 )?display|display[^\n]{0,20} not (?:set|found)|"
    r"xopendisplay|qt\.qpa\.(?:xcb|plugin)",
    re.IGNORECASE,
)
_NEARLY_ALL = 0.85  # of its memory, when it ended


def described(result: ScannedPlugin, probed: Probed) -> ScannedPlugin:
    """The result with all that the plugin said of itself, and did."""
    about = probed.description
    return msgspec.structs.replace(
        result,
        name=about.name,
        vendor=about.vendor,
        version=about.version,
        category=about.category,
        kind="instrument" if about.is_instrument else "effect",
        in_channels=about.in_channels,
        out_channels=about.out_channels,
        sidechain_channels=about.sidechain_channels,
        accepts_midi=about.accepts_midi,
        produces_midi=about.produces_midi,
        latency_frames=about.latency_frames,
        # JSON has no word for infinity.
        tail_s=about.tail_s if math.isfinite(about.tail_s) else None,
        parameters=[_finite(parameter) for parameter in about.parameters],
        programs=about.programs,
        process_ms=round(probed.process_ms, 3),
        memory_bytes=probed.memory_bytes,
        state_bytes=about.state_bytes,
        peak=probed.peak,
        nonfinite_samples=probed.nonfinite,
        remarks=about.remarks,
        deep=probed.deep,
    )


def _finite(parameter: ParameterDescription) -> ParameterDescription:
    if math.isfinite(parameter.default):
        return parameter
    return msgspec.structs.replace(parameter, default=0.0)


def status_of_end(
    exit: WorkerExit, hung: bool, limit_s: float, permissions: Permissions
) -> tuple[Status, str]:
    """The verdict on a plugin whose worker ended, and a line that says how."""
    if hung:
        return Status.HUNG, f"did not come back within {limit_s:g} s and was stopped"
    limit_bytes = (permissions.memory_mb or 0) * 2**20
    if limit_bytes and exit.max_rss_bytes >= _NEARLY_ALL * limit_bytes:
        return Status.OUT_OF_MEMORY, (
            f"took {exit.max_rss_bytes // 2**20} MiB of memory, of the {permissions.memory_mb} "
            f"that it may have, and ended with {_how(exit)}"
        )
    if _NO_DISPLAY.search(exit.stderr_tail):
        return Status.NEEDS_DISPLAY, f"needs a display, and ended with {_how(exit)} without one"
    if exit.called_exit or exit.signal is None:
        return Status.CRASHED, f"ended its process ({_how(exit)})"
    return Status.CRASHED, f"crashed with {_how(exit)}"


def _how(exit: WorkerExit) -> str:
    return exit.signal_name or f"exit code {exit.exit_code}"
