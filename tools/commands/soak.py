# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth soak`: one plugin, for as long as wanted."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.options import JsonOption, ProfileOption, file_name, number

if TYPE_CHECKING:
    from host.stress.soak import SoakReport

_PERIOD_S = 1.0
_LOG_PERIOD_S = 60.0


def register(app: typer.Typer) -> None:
    """Add `soak` to the command line."""
    app.command("soak")(soak_command)


def soak_command(
    plugin: Annotated[str, typer.Argument(metavar="PLUGIN_ID")],
    minutes: Annotated[
        float,
        typer.Option(parser=number(0.01, 100_000.0), metavar="M", help="For so long."),
    ] = 10.0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is random.")] = 1,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout",
            parser=number(0.5, 3600.0),
            metavar="S",
            help="Seconds for which a plugin may stand still before it hangs.",
        ),
    ] = 20.0,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            parser=file_name,
            help="A folder for logs of what it died of.",
        ),
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load, play, kill, restore and unload a plugin at random, for as long as wanted.

    Exit code 0: it lived through everything, and sounded as before when it was restored; 1: it
    did not.
    """
    from host.plugin_id import PluginId
    from host.plugin_there import check_is_there
    from host.stress.soak import soak
    from host.stress.workshop import Workshop
    from host.user_file import file_error
    from tools.commands.permission_rules import permission_rules
    from tools.foreground import Stop, in_foreground
    from tools.job_files import check_writable

    wanted = PluginId.parse(plugin)
    check_is_there(wanted)
    rules = permission_rules(profile)
    if report is not None:
        try:
            report.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(report, "written", error) from None
        check_writable("--report", report / "log.json")
    latest: list[SoakReport] = []
    told_at = time.monotonic()

    def tell(made: SoakReport) -> None:
        nonlocal told_at
        latest[:] = [made]
        is_terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now - told_at >= (_PERIOD_S if is_terminal else _LOG_PERIOD_S):
            told_at = now
            end = "" if is_terminal else "\n"
            start = "\r" if is_terminal else ""
            print(f"{start}{_line(made)}", end=end, file=sys.stderr, flush=True)

    def work(stop: Stop) -> SoakReport:
        with Workshop(rules, timeout_s=timeout_s) as workshop, stop.covering(workshop):
            return soak(
                workshop,
                str(wanted),
                seconds=60.0 * minutes,
                seed=seed,
                logs=report,
                stop=stop.check,
                tell=tell,
            )

    interrupted = False
    try:
        made = in_foreground(work)
    except KeyboardInterrupt:
        interrupted = True
        if not latest:
            raise
        made = latest[0]
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        console.print_json(made)
    else:
        _print(made, interrupted)
    if interrupted:
        raise typer.Exit(console.ExitCode.INTERRUPTED)
    if made.problems:
        raise typer.Exit(console.ExitCode.FAILED)


def _line(made: SoakReport) -> str:
    problems = sum(made.problems.values())
    return (
        f"{made.seconds:.0f} s: {made.calls:,} calls in {made.lives} lives, "
        f"{console.counted(problems, 'problem')}, "
        f"{console.counted(sum(made.warnings.values()), 'warning')} "
    )


def _print(made: SoakReport, interrupted: bool) -> None:
    acts = ", ".join(f"{count} × {act}" for act, count in sorted(made.acts.items()))
    print(f"{made.plugin}: {_line(made).strip()}{' (interrupted)' if interrupted else ''}")
    print(f"  {acts}; {made.frames / 48000:.0f} s of sound")
    if made.memory_bytes:
        low, high = min(made.memory_bytes) // 2**20, max(made.memory_bytes) // 2**20
        print(f"  at the ends of its lives it took {low} to {high} MiB")
    for mark, told in (("", made.problems), ("warning: ", made.warnings)):
        for what, count in sorted(told.items(), key=lambda one: -one[1]):
            print(f"  {mark}{count} × {what}")
    for log in made.logs:
        print(f"    isobooth stress replay {log}")
    if not made.problems:
        sounded = "sounded" if made.warnings else "was"
        print(f"  it lived through everything, and {sounded} as before when it was restored")
