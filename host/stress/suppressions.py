# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that people have looked at and decided to live with, in a file of lines:

    CHECK PLUGIN-GLOB KEY-GLOB  # reason

A finding that a line matches counts as pass and says the reason; the same check still fails of
anything else. A line without a reason is refused, because nobody could ever dare to remove it, and
one that matches nothing is told, so that the file does not outlive its plugins.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from host.json_fields import did_you_mean
from host.stress.verdict import (
    CheckResult,
    Finding,
    PluginResult,
    StressReport,
    Verdict,
    settle,
    worst,
)
from host.user_file import FilePath, path_text, read_input
from ipc.errors import InputError
from ipc.text import one_line

_MOST_BYTES = 4_000_000
# Ids and URIs hold "#" inside a word: only one that begins a word begins a reason.
_REASON = re.compile(r"(?:^|\s)#")
_FORM = "CHECK PLUGIN-GLOB KEY-GLOB  # reason"


@dataclass(frozen=True)
class Suppression:
    """One line. The globs are those of a shell: `*`, `?` and `[…]`; `*` matches "/" too."""

    line: int
    check: str
    plugin: str
    key: str
    reason: str

    def matches(self, plugin: PluginResult, check: str, key: str) -> bool:
        return (
            fnmatchcase(check, self.check)
            and (fnmatchcase(plugin.plugin, self.plugin) or fnmatchcase(plugin.name, self.plugin))
            and fnmatchcase(key, self.key)
        )


class Suppressions:
    """A file of them; remembers which were of use."""

    def __init__(self, name: str, entries: list[Suppression]) -> None:
        self._name = name
        self._entries = entries
        self._used: set[Suppression] = set()

    def apply(self, report: StressReport) -> None:
        """To all checks; verdicts and the summary follow."""
        for plugin in report.plugins:
            for check in plugin.checks:
                self.apply_to_check(plugin, check)
        settle(report)

    def apply_to_check(self, plugin: PluginResult, check: CheckResult) -> None:
        """The verdict becomes that of what is left. A crash or hang that no finding tells of is
        one itself, with its signature for a key."""
        before = worst([finding.verdict for finding in check.findings])
        findings = list(check.findings)
        if check.verdict not in (Verdict.PASS, Verdict.SKIP, before):
            findings.append(
                Finding(verdict=check.verdict, message=check.message, key=check.signature)
            )
        judged = [self._judged(plugin, check, finding) for finding in findings]
        if judged == findings:
            return
        check.findings = judged
        check.verdict = worst([finding.verdict for finding in judged])
        left = next((one for one in judged if one.verdict is check.verdict), judged[0])
        suppressed = len([one for one in judged if one.suppressed])
        if check.verdict is Verdict.PASS:
            reasons = dict.fromkeys(one.suppressed for one in judged if one.suppressed)
            check.message = f"suppressed: {'; '.join(reasons)}"
        else:
            check.message = f"{left.message} (and {suppressed} suppressed)"

    def _judged(self, plugin: PluginResult, check: CheckResult, finding: Finding) -> Finding:
        if finding.verdict in (Verdict.PASS, Verdict.SKIP, Verdict.ERROR):
            return finding
        for entry in self._entries:
            if entry.matches(plugin, check.check, finding.key):
                self._used.add(entry)
                return msgspec.structs.replace(
                    finding, verdict=Verdict.PASS, suppressed=entry.reason
                )
        return finding

    @property
    def unused(self) -> list[Suppression]:
        return [entry for entry in self._entries if entry not in self._used]

    def remarks(self) -> list[str]:
        """What matched nothing, a line each."""
        return [
            f"{self._name}: line {entry.line}: matches nothing in this run: "
            + one_line(f"{entry.check} {entry.plugin} {entry.key}", 200)
            for entry in self.unused
        ]


def load_suppressions(path: FilePath, checks: Iterable[str] = ()) -> Suppressions:
    """`checks` are the names that there are, to notice misspelt ones. InputError names the line."""
    name = path_text(path)
    try:
        text = read_input(path, "a suppression file", _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text (byte {error.start})") from None
    return parse_suppressions(text, name, checks)


def parse_suppressions(text: str, name: str, checks: Iterable[str] = ()) -> Suppressions:
    known = list(checks)
    entries = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            entry = _parsed(line.strip(), number, known)
        except InputError as error:
            raise InputError(f"{name}: line {number}: {error}") from None
        if entry is not None:
            entries.append(entry)
    return Suppressions(name, entries)


def _parsed(line: str, number: int, known: list[str]) -> Suppression | None:
    found = _REASON.search(line)
    words_text = line[: found.start()] if found else line
    reason = line[found.end() :].strip() if found else ""
    if not words_text.strip():
        return None
    try:
        words = shlex.split(words_text)
    except ValueError as error:
        reason = str(error)
        raise InputError(f"{reason[:1].lower()}{reason[1:]}; expected {_FORM}") from None
    if len(words) != 3:
        quoted = "; put names with spaces in quotes" if len(words) > 3 else ""
        raise InputError(f"has {len(words)} of three words, expected {_FORM}{quoted}")
    if not reason:
        raise InputError(f"has no reason, expected {_FORM}")
    check = words[0]
    if known and not any(fnmatchcase(one, check) for one in known):
        raise InputError(f"no check is called {one_line(check, 60)}{did_you_mean(check, known)}")
    return Suppression(number, check, words[1], words[2], one_line(reason, 300))
