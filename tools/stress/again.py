# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines that do it again, to be copied into a shell."""

import shlex

from host.stress.verdict import CheckResult, StressReport
from ipc.text import one_line

_PLUGINS_NAMED = 8


def replay_line(check: CheckResult) -> str:
    """What leads to this failure once more; empty where no calls were kept."""
    return one_line(f"isobooth stress replay {shlex.quote(check.log)}") if check.log else ""


def again_line(report: StressReport) -> str:
    """The whole run with the same seed: as it was typed, if that is known."""
    run = report.run
    if run.words:
        return one_line(shlex.join(run.words))
    words = ["isobooth", "stress", "--level", f"{run.level}", "--seed", f"{run.seed}"]
    words += ["--jobs", f"{run.jobs}", "--timeout", f"{run.timeout_s:g}"]
    if run.baseline:
        words += ["--baseline", run.baseline]
    plugins = [plugin.plugin for plugin in report.plugins[:_PLUGINS_NAMED]]
    more = " …" if len(report.plugins) > _PLUGINS_NAMED else ""
    return one_line(shlex.join([*words, *plugins]) + more)
