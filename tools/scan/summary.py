# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan came to, for a person who wants to do something about it."""

from collections.abc import Iterator, Sequence

from host.catalogue.catalogue import PluginSummary
from host.scan.scan import ScanReport, ScanSummary
from host.scan.verdict import Status
from tools.console import counted

# What each verdict asks for.
_ADVICE = {
    Status.UNREADABLE: "give yourself the right to read them, or remove the dangling links",
    Status.BROKEN: "install them again: their files are damaged",
    Status.WRONG_MACHINE: "get them for this machine's processor",
    Status.MISSING_LIB: "install the libraries that are named",
    Status.NO_ENTRY: "no plugins; move them out of the plugin folders",
    Status.FAILED: "they said no: their message says why",
    Status.CRASHED: "not loaded any more (`isobooth blacklist`); why: `isobooth crashes`",
    Status.HUNG: "not loaded any more; where: `isobooth crashes`; --timeout gives more time",
    Status.OUT_OF_MEMORY: "not loaded any more; `isobooth permissions` gives more memory",
    Status.NEEDS_DISPLAY: "they start only with a display, which a worker has not",
}
_NAMES_SHOWN = 6


def print_summary(report: ScanReport) -> None:
    for line in summary_lines(report):
        print(line)


def summary_lines(report: ScanReport) -> Iterator[str]:
    summary = report.summary
    usable = summary.by_status.get(Status.OK, 0)
    yield (
        f"{counted(summary.plugins, 'plugin')} in {counted(summary.files, 'file')}: "
        f"{usable} usable, {summary.plugins - usable} not"
    )
    yield f"{_work_done(summary)}; took {summary.seconds:.1f} s"
    for status, advice in _ADVICE.items():
        bad = [plugin for plugin in report.plugins if plugin.status == status]
        if bad:
            yield f"  {len(bad)} {status}: {_some(bad)}"
            yield f"    {advice}"
    noisy = [p for p in report.plugins if p.facts is not None and p.facts.nonfinite_samples]
    if noisy:
        yield f"  {len(noisy)} usable, but sent NaN or Inf: {_some(noisy)}"
    denied = [p for p in report.plugins if p.facts is not None and p.facts.denials]
    if denied:
        yield f"  {len(denied)} tried what they may not: {_some(denied)}"
        yield "    `isobooth plugins show ID` says what"


def _some(plugins: Sequence[PluginSummary]) -> str:
    """The first of them; names may hold commas, and be those of several formats."""
    names = "; ".join(
        f"{plugin.name} ({plugin.format})" if plugin.name else plugin.id
        for plugin in plugins[:_NAMES_SHOWN]
    )
    more = len(plugins) - _NAMES_SHOWN
    return f"{names}; and {more} more" if more > 0 else names


def _work_done(summary: ScanSummary) -> str:
    parts = [f"{summary.probed} probed"]
    if summary.plugins_per_second is not None and summary.probed:
        parts[0] += f" ({summary.plugins_per_second:g} a second)"
    parts.append(f"{counted(summary.unchanged_files, 'file')} unchanged")
    if summary.new_plugins:
        parts.append(f"{summary.new_plugins} new")
    if summary.vanished_files:
        parts.append(f"{counted(summary.vanished_files, 'file')} gone")
    if summary.waiting_files:
        waits = "waits" if summary.waiting_files == 1 else "wait"
        parts.append(f"{summary.waiting_files} failed before and {waits} to be tried again")
    return ", ".join(parts)
