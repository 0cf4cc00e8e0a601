# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan says of a plugin.

These structs are what `--json` prints and what a farm sends home: their fields are documented in
docs/scan.md and change only by addition.
"""

from enum import StrEnum

import msgspec

from host.crash_report import CrashReport
from ipc.description import ParameterDescription
from ipc.messages import DeepFindings


class Status(StrEnum):
    """One word for the verdict."""

    OK = "ok"
    # Found in its files, without running any of its code.
    NO_CODE = "no-code"  # an LV2 bundle of presets or data: nothing is wrong with it
    UNREADABLE = "unreadable"
    BROKEN = "broken"  # no ELF file, or a damaged one
    WRONG_MACHINE = "wrong-machine"
    MISSING_LIB = "missing-lib"
    NO_ENTRY = "no-entry"  # a library, but no plugin of this format
    # Found by running it.
    FAILED = "failed"  # it said no
    CRASHED = "crashed"
    HUNG = "hung"
    OUT_OF_MEMORY = "out-of-memory"
    NEEDS_DISPLAY = "needs-display"


# That a plugin did to its worker; the others it can be asked for again without harm.
DEADLY = (Status.CRASHED, Status.HUNG, Status.OUT_OF_MEMORY)

FINE = (Status.OK, Status.NO_CODE)

_STATIC = "static"
PHASES = (
    *(_STATIC, "load", "create", "activate", "describe", "process", "save", "deep", "destroy"),
)


class Outcome(StrEnum):
    """How a phase ended."""

    OK = "ok"
    FAILED = "failed"
    CRASHED = "crashed"
    HUNG = "hung"


class PhaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One of PHASES. What stands below `ms` is empty where it went well."""

    phase: str
    outcome: Outcome
    ms: float
    message: str = ""  # one line
    signal: str = ""  # SIGSEGV, …
    exit_code: int | None = None
    backtrace: list[str] = []  # innermost first
    stderr: str = ""  # its last words


class ScannedPlugin(msgspec.Struct, kw_only=True):
    """A plugin, or a file that did not come to say which plugins it holds: then `id` is
    FORMAT:PATH, and nothing is known but `status` and `phases`."""

    id: str
    status: Status
    detail: str = ""  # one line, empty where nothing is wrong
    format: str
    path: str  # the file or bundle that was found
    phases: list[PhaseResult] = []
    name: str = ""
    vendor: str = ""
    version: str = ""
    category: str = ""
    kind: str = ""  # instrument or effect
    in_channels: int = 0
    out_channels: int = 0
    sidechain_channels: int = 0
    accepts_midi: bool = False
    produces_midi: bool = False
    latency_frames: int = 0
    tail_s: float | None = 0.0  # None: endless
    parameters: list[ParameterDescription] = []
    programs: list[str] = []
    load_ms: float = 0.0  # load, create and activate
    process_ms: float = 0.0  # of a second of sound
    memory_bytes: int = 0
    state_bytes: int = 0
    peak: float = 0.0  # of its output, linear
    nonfinite_samples: int = 0
    denials: list[str] = []  # what it tried and may not
    remarks: list[str] = []
    deep: DeepFindings | None = None
    signature: str | None = None  # of its crash
    report: str | None = None  # id of its crash report
    is_file: bool = False  # no plugin, but the file as such
    crash: CrashReport | None = None  # on its way to where reports are kept

    @property
    def was_run(self) -> bool:
        return not self.phases or self.phases[0].phase != _STATIC


def static_verdict(
    plugin: str, plugin_format: str, path: str, name: str, status: Status, detail: str
) -> ScannedPlugin:
    """What its files alone tell of a plugin, or of themselves."""
    outcome = Outcome.OK if status in FINE else Outcome.FAILED
    return ScannedPlugin(
        id=plugin,
        status=status,
        detail=detail,
        format=plugin_format,
        path=path,
        phases=[PhaseResult(phase=_STATIC, outcome=outcome, ms=0.0, message=detail)],
        name=name,
        is_file=plugin == f"{plugin_format}:{path}",
    )
