# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from tools import console
from tools.options import JsonOption

if TYPE_CHECKING:
    from tools.doctor.check import Result

# The layout of the JSON (docs/cli.md); keys are added without a new number, never changed.
DOCTOR_SCHEMA = 1

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def register(app: typer.Typer) -> None:
    """Add `doctor` to the command line."""
    app.command("doctor")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Check this machine: devices, rights, limits, kernel features, and what to do.

    Exits with 3 where something is missing that Isobooth cannot work without.
    """
    from host.version import isobooth_version
    from tools.doctor.check import Machine, Status, overall, run_checks
    from tools.doctor.checks import CHECKS

    results = run_checks(CHECKS, Machine())
    status = overall(results)
    if as_json:
        console.print_json(
            {
                "schema": DOCTOR_SCHEMA,
                "version": isobooth_version(),
                "status": status,
                "checks": results,
            }
        )
    else:
        _print_results(results)
    if status is Status.FAIL:
        raise typer.Exit(console.ExitCode.MACHINE)


def _print_results(results: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.text import Text

    terminal = Console(highlight=False, soft_wrap=True)
    width = max(len(result.check) for result in results)
    for result in results:
        terminal.print(
            Text(f"{result.status:<6}", _STYLES[result.status])
            + Text(f"{_title(result.check):<{width}}  {console.printable(result.found)}")
        )
        if result.advice:
            terminal.print(Text(f"{'':<{width + 8}}→ {console.printable(result.advice)}"))
    missing = [_title(result.check) for result in results if result.status == "fail"]
    doubtful = [_title(result.check) for result in results if result.status == "warn"]
    terminal.print()
    if missing:
        terminal.print(f"Isobooth cannot work here; missing: {', '.join(missing)}.")
    elif doubtful:
        terminal.print(f"Isobooth works here; could be better: {', '.join(doubtful)}.")
    else:
        terminal.print("Isobooth works here; nothing to improve.")


def _title(check: str) -> str:
    return check.replace("_", " ")
