# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script learns of a stress run; documented in docs/stress-reports.md."""

from host.stress.baseline import failures
from host.stress.verdict import StressReport
from tools.console import ExitCode


def exit_code(report: StressReport) -> ExitCode:
    """OK: nothing failed, or only what the baseline knows. A run that was interrupted says so,
    whatever it had found by then."""
    if report.run.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if failures(report) else ExitCode.OK
