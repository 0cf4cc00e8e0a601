# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it worse than it was? A run is compared with an earlier one, the baseline.

Without this, a suite with one known failure is red for ever, and nobody sees the next one. A
baseline is the JSON report of a run, in which people may write after a check why its failure is
`expected`.
"""

import difflib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from host.json_fields import decode, shown
from host.stress.verdict import (
    FAILING,
    SCHEMA,
    CheckResult,
    PluginResult,
    StressReport,
    Verdict,
    worst,
)
from host.user_file import FilePath, path_text, read_input
from ipc.errors import InputError
from ipc.text import one_line

_MOST_BYTES = 256_000_000
_WRITTEN_BY = "write one with `isobooth stress … --json FILE`"
_NAMES_TOLD = 3


class Change(StrEnum):
    """What became of a check since the baseline."""

    NEW = "new"  # worse than there, failing of something else, or not there
    FIXED = "fixed"  # it failed or warned there, and is fine, or only warns, now
    SAME = "same"
    FLAKY = "flaky"  # asked several times, it did not say the same


@dataclass(frozen=True)
class Baseline:
    """An earlier report; `name` is what the file was called."""

    name: str
    report: StressReport


# ---------------------------------------------------------------- reading


def load_baseline(path: FilePath) -> Baseline:
    """InputError says what is wrong with the file, where in it, and what to do."""
    name = path_text(path)
    data = decode(read_input(path, "a baseline", _MOST_BYTES), name)
    if not isinstance(data, dict) or not {"schema", "run", "plugins"} <= data.keys():
        raise InputError(f"{name}: is no report of a stress run; {_WRITTEN_BY}")
    schema = data["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InputError(f"{name}: schema: expected {SCHEMA}, got {shown(schema)}")
    if schema > SCHEMA:
        raise InputError(
            f"{name}: was written by a newer Isobooth (schema {schema}; this one reads {SCHEMA}); "
            "update Isobooth, or write a new baseline"
        )
    _refuse_misspelt(data, name)
    try:
        report = msgspec.convert(data, StressReport)
    except msgspec.ValidationError as error:
        problem = one_line(str(error), 200)
        raise InputError(f"{name}: {problem}; mend it there, or {_WRITTEN_BY}") from None
    return Baseline(name, report)


def _refuse_misspelt(data: dict[str, Any], name: str) -> None:
    """Unknown keys are those of a later version and do not matter; but one that was to be
    `expected` would be a reason that nobody reads."""
    known = set(CheckResult.__struct_fields__)
    for at, plugin in enumerate(_objects(data.get("plugins"))):
        for check_at, check in enumerate(_objects(plugin.get("checks"))):
            for key in check.keys() - known:
                if difflib.get_close_matches(key, ["expected"], cutoff=0.8):
                    raise InputError(
                        f"{name}: plugins[{at}].checks[{check_at}] ({shown(check.get('check'))} of "
                        f"{shown(plugin.get('plugin'))}): unknown key {shown(key)}; did you mean "
                        '"expected"?'
                    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# ---------------------------------------------------------------- comparing


def compare(report: StressReport, baseline: Baseline) -> list[str]:
    """Sets `change`, `was` and `expected` of every check. Returns what a person should know of the
    comparison itself, a line each."""
    report.run.baseline = baseline.name
    known = _Known(report, baseline.report)
    for plugin in report.plugins:
        earlier = known.checks_of(plugin)
        for check in plugin.checks:
            _compare_check(check, earlier.get(check.check))
    return _remarks(report, baseline, known)


def _compare_check(check: CheckResult, earlier: CheckResult | None) -> None:
    check.was = _worst_of(earlier).value if earlier is not None else ""
    check.expected = earlier.expected if earlier is not None else ""
    if len({check.verdict, *check.reruns}) > 1:
        check.change = Change.FLAKY
    elif earlier is None or is_worse(check.verdict, check.was) or _fails_anew(check, earlier):
        check.change = Change.NEW
    elif _rank(check.verdict) < min(_rank(Verdict.FAIL), _rank(_worst_of(earlier))):
        check.change = Change.FIXED
    else:
        check.change = Change.SAME


def _worst_of(check: CheckResult) -> Verdict:
    return worst([check.verdict, *check.reruns])


def _rank(verdict: str) -> int:
    """A check that is not for a plugin is no worse than one that passed."""
    return list(Verdict).index(Verdict(verdict)) if verdict != Verdict.SKIP else 0


def is_worse(verdict: Verdict, was: str) -> bool:
    """`was` may be empty: nothing was known, as after an error."""
    if was in ("", Verdict.ERROR):
        return verdict not in (Verdict.PASS, Verdict.SKIP, was)
    return _rank(verdict) > _rank(was)


def _fails_anew(check: CheckResult, earlier: CheckResult) -> bool:
    """Whether the verdict is what it was, but for another cause. Only what has keys or a signature
    in both can be told apart."""
    if earlier.signature and check.signature and check.signature != earlier.signature:
        return True
    known: dict[str, int] = {}
    for finding in earlier.findings:
        known[finding.key] = max(_rank(finding.verdict), known.get(finding.key, 0))
    keyed = [finding for finding in check.findings if finding.key]
    least = min(_rank(check.verdict), _rank(Verdict.FAIL))  # a new warning beside an old failure
    return any(known.keys() - {""}) and any(
        _rank(finding.verdict) >= max(least, _rank(Verdict.WARN))
        and _rank(finding.verdict) > known.get(finding.key, 0)
        for finding in keyed
    )


class _Known:
    """The checks of the baseline by plugin. Where a plugin is built, its path may change with
    every build: then the format, vendor and name say which it is, if that is no other's."""

    def __init__(self, report: StressReport, baseline: StressReport) -> None:
        self._by_id = {plugin.plugin: plugin for plugin in baseline.plugins}
        ids = {plugin.plugin for plugin in report.plugins}
        names = Counter(map(_name_of, report.plugins))
        moved = [plugin for plugin in baseline.plugins if plugin.plugin not in ids]
        moved_names = Counter(map(_name_of, moved))
        self._by_name = {
            _name_of(plugin): plugin
            for plugin in moved
            if plugin.name and moved_names[_name_of(plugin)] == names[_name_of(plugin)] == 1
        }

    def plugin(self, plugin: PluginResult) -> PluginResult | None:
        return self._by_id.get(plugin.plugin) or self._by_name.get(_name_of(plugin))

    def checks_of(self, plugin: PluginResult) -> dict[str, CheckResult]:
        found = self.plugin(plugin)
        return {} if found is None else {check.check: check for check in found.checks}


def _name_of(plugin: PluginResult) -> tuple[str, str, str]:
    return plugin.format, plugin.vendor, plugin.name


def _remarks(report: StressReport, baseline: Baseline, known: _Known) -> list[str]:
    remarks = []
    was = baseline.report.run
    if was.level != report.run.level:
        remarks.append(
            f"{baseline.name} was made at level {was.level}, this run at level {report.run.level}: "
            "checks of one only are new, or not looked at"
        )
    if was.interrupted:
        remarks.append(f"{baseline.name} is of a run that was interrupted: it lacks checks")
    strangers = [plugin for plugin in report.plugins if known.plugin(plugin) is None]
    if strangers:
        remarks.append(f"not in {baseline.name}: {_names([one.plugin for one in strangers])}")
    missing = [
        f"{check} of {plugin.name or plugin.plugin}"
        for plugin in report.plugins
        for check in known.checks_of(plugin).keys() - {check.check for check in plugin.checks}
    ]
    if missing and was.level == report.run.level:
        remarks.append(f"in {baseline.name}, but not done now: {_names(sorted(missing))}")
    better = [
        f"{check.check} of {plugin.name or plugin.plugin}"
        for plugin in report.plugins
        for check in plugin.checks
        if check.expected and check.verdict is Verdict.PASS and check.change != Change.FLAKY
    ]
    if better:
        remarks.append(f"expected to fail, and passed: {_names(better)}")
    return remarks


def _names(names: list[str]) -> str:
    told = ", ".join(one_line(name, 120) for name in names[:_NAMES_TOLD])
    more = len(names) - _NAMES_TOLD
    return f"{told} and {more} more" if more > 0 else told


# ---------------------------------------------------------------- judging


def fails_run(check: CheckResult) -> bool:
    """Whether the run fails of this check: it fails, and a baseline does not say that it may."""
    if check.verdict not in FAILING:
        return False
    if check.change == Change.FLAKY:
        excused = bool(check.expected) and check.was not in FAILING
        return is_worse(check.verdict, check.was) and not excused
    if check.expected and check.was not in FAILING:  # any failure, as none is known
        return False
    return check.change in ("", Change.NEW)


def failures(report: StressReport) -> list[tuple[PluginResult, CheckResult]]:
    """What the run fails of; empty: it did not."""
    return [
        (plugin, check) for plugin in report.plugins for check in plugin.checks if fails_run(check)
    ]
