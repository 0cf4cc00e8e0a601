# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of one plugin on another machine: a process of its own that runs them and ends."""

from dataclasses import replace
from pathlib import Path

import msgspec

from host.apart import do_apart, serve
from host.permissions import PermissionRules
from host.stress.checks import ALL
from host.stress.runner import StressOptions, StressRun
from host.stress.storable import storable
from host.stress.verdict import CheckResult, PluginResult, StressReport
from host.stress.workshop import Workshop
from ipc.confinement import remove_folder
from ipc.errors import IsoboothError
from ipc.names import new_private_folder


class StressPortion(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent out."""

    plugin: str
    options: StressOptions
    rules: PermissionRules


class StressPortionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back: the checks, what came of those that were run again, and the logs that they
    name by the names of their files; or why nothing does."""

    result: PluginResult | None = None
    reruns: dict[str, list[CheckResult]] = {}  # by check
    logs: dict[str, bytes] = {}
    problem: str = ""


def stress_portion(portion: bytes) -> bytes:
    """Runs on a farm's worker: JSON of a StressPortion to JSON of a StressPortionResult."""
    answer = do_apart("host.stress.remote", portion)
    if isinstance(answer, int):
        problem = f"the process that ran the checks ended with {answer}"
        return msgspec.json.encode(StressPortionResult(problem=problem))
    return answer


def _run(portion: StressPortion, folder: Path) -> StressPortionResult:
    timeout_s = portion.options.timeout_s
    options = replace(portion.options, jobs=1, logs=folder)
    with (
        Workshop(portion.rules, timeout_s=timeout_s) as workshop,
        Workshop(portion.rules, timeout_s=timeout_s, audits=True) as auditor,
    ):
        run = StressRun([portion.plugin], ALL, options, workshop, auditor)
        result, reruns = _sendable(run.run(), run.reruns.get(portion.plugin, {}))
    for check in result.checks:
        check.log = Path(check.log).name if check.log else ""
    logs = {path.name: path.read_bytes() for path in folder.iterdir()}
    return StressPortionResult(result=result, reruns=reruns, logs=logs)


def _sendable(
    report: StressReport, reruns: dict[str, list[CheckResult]]
) -> tuple[PluginResult, dict[str, list[CheckResult]]]:
    """What JSON can hold, of both."""
    again = [PluginResult(plugin=check, checks=results) for check, results in reruns.items()]
    made = storable(StressReport(run=report.run, plugins=[*report.plugins, *again]))
    result, *again = made.plugins
    return result, {one.plugin: one.checks for one in again}


def _do(work: bytes) -> bytes:
    portion = msgspec.json.decode(work, type=StressPortion)
    try:
        # One of the user's runtime folder: whose process is killed in the middle leaves it to the
        # sweep of whoever starts next.
        folder = new_private_folder()
    except OSError as error:
        return msgspec.json.encode(StressPortionResult(problem=f"no folder: {error.strerror}"))
    try:
        made = _run(portion, Path(folder))
    except IsoboothError as error:
        made = StressPortionResult(problem=str(error))
    finally:
        remove_folder(folder)
    return msgspec.json.encode(made)


if __name__ == "__main__":
    serve(_do)
