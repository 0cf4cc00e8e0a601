# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth bench`: what the sandbox costs on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from tools import console


def register(app: typer.Typer) -> None:
    """Add `bench` to the command line."""
    app.command("bench")(bench)


def bench(
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all figures; - is stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a FILE that exists.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Only this part, such as slots or window (docs/cli.md); repeatable.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = (
        False
    ),
) -> None:
    """Measure slot cost, mixing, restart, offline speed, formats and playback under faults.

    Takes about 20 minutes; leave the machine alone meanwhile. Medians and p99 are compared
    within the run. Exits with 1 if a figure is not what it must be.
    """
    from ipc.errors import InputError
    from tools.bench.runner import FULL, PARTS, QUICK, run
    from tools.job_files import check_report, write_report

    for name in only or []:
        if name not in PARTS:
            raise InputError(f"bench has no part '{name}'; it has {', '.join(PARTS)}")
    check_report(json_file, [], force)
    figures = run(only or [], QUICK if quick else FULL, console.note)
    if json_file == "-":
        console.print_json(figures)
    else:
        console.print_table(
            ("figure", "found", "must be", ""),
            [
                (v["what"], v["found"], v["must"], "ok" if v["kept"] else "missed")
                for v in figures["verdicts"]
            ],
        )
        if json_file is not None:
            write_report(json_file, figures)
    if not all(verdict["kept"] for verdict in figures["verdicts"]):
        raise typer.Exit(console.ExitCode.FAILED)
