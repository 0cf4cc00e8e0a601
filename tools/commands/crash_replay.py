# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth crashes replay`: does a plugin still fail as a report says?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipc.errors import InputError
from tools import console
from tools.options import JsonOption, ProfileOption

if TYPE_CHECKING:
    from host.crash_report import CrashReport
    from tools.foreground import Stop
    from tools.replay.attempts import Attempt
    from tools.replay.verdict import Outcome

# No error ends with 4: a script that looks for the release that mended a bug can rely on it.
_EXIT_CODES = {"same": 0, "different": 1, "none": 4}
_MOST_BYTES = 256 * 2**20  # a state of 64 MiB, in base64, twice


def replay_command(
    context: typer.Context,
    report: Annotated[
        str, typer.Argument(metavar="FILE|ID", help="An exported report, or the id of one here.")
    ],
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do again what a plugin failed of, in a fresh worker, and say whether it fails the same way.

    Exits with 0 if it does, with 1 if it fails otherwise, with 4 if it does not fail.
    """
    from tools.commands.permission_rules import permission_rules
    from tools.foreground import in_foreground
    from tools.replay.attempts import notes
    from tools.replay.replay import replay, verdict_of

    found = _report(report)
    rules = permission_rules(profile)

    def work(stop: Stop) -> list[Outcome]:
        return replay(found, rules, stop, _tell)

    outcomes = in_foreground(work)
    verdict = verdict_of(outcomes)
    if as_json or context.obj:
        console.print_json(
            {
                "report": found.id,
                "plugin": found.plugin_id,
                "verdict": verdict,
                "attempts": outcomes,
                "notes": notes(found),
            }
        )
    else:
        for line in _lines(found, outcomes):
            print(line)
    if code := _EXIT_CODES[verdict.value]:
        raise typer.Exit(code)


def _report(given: str) -> CrashReport:
    from host.crash_report import CrashReport
    from host.store.crash_store import CrashStore
    from host.user_file import path_text, read_input
    from tools.commands.store import open_store

    if Path(given).is_file():
        data = read_input(given, "an exported crash report", _MOST_BYTES)
        return CrashReport.from_json(data, source=path_text(given))
    if "/" in given or given.endswith(".json"):
        raise InputError(f"{path_text(given)}: no such file")
    with open_store() as database:
        return CrashStore(database).get(given)


def _tell(attempt: Attempt, done: int) -> None:
    """A line that changes in place, for somebody who watches."""
    if not sys.stderr.isatty():
        return
    line = f"{attempt.start}, with {attempt.sound}: block {done:,} of {attempt.blocks:,}"
    print(f"\r\x1b[K{line}", end="\r\x1b[K" if done >= attempt.blocks else "", file=sys.stderr)


def _lines(report: CrashReport, outcomes: list[Outcome]) -> list[str]:
    from tools.replay.attempts import notes
    from tools.replay.replay import verdict_of
    from tools.replay.verdict import Verdict

    plugin = console.printable(report.plugin_id)
    last = outcomes[-1]
    tried = [
        f"  {outcome.start}, with {outcome.sound}: "
        + (outcome.what if outcome.verdict is not Verdict.NONE else "played on")
        for outcome in outcomes
    ]
    match verdict_of(outcomes):
        case Verdict.SAME:
            return [f"{plugin} failed the same way {last.start}, with {last.sound}: {last.what}"]
        case Verdict.DIFFERENT:
            was = f"{report.kind} in phase {report.phase}"
            said = f"{was} (signature {report.signature})" if report.signature else was
            head = f"{plugin} failed in another way than the report says ({said}):"
        case Verdict.NONE:
            head = f"{plugin} did not fail:"
    return [head, *tried, *(f"  note: {note}" for note in notes(report))]
