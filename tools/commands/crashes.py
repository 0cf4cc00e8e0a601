# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth crashes`: what is known about the plugins that failed.

For the user who asks what happened, and for the plugin's author, who gets the exported file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tools import console
from tools.commands.crash_replay import replay_command
from tools.options import JsonOption

if TYPE_CHECKING:
    from host.backtrace.frames import Backtrace, ThreadTrace
    from host.crash_report import CrashReport, ReportedEvent
    from host.store.crash_store import CrashGroup, CrashSummary

# What fits a terminal; older ones are rarely asked for.
SHOWN_REPORTS = 20

# Events and edits before a crash: the last ones matter, an export has them all.
SHOWN_EVENTS = 10

# Two lines of a terminal.
SHOWN_FRAME = 160

crashes = typer.Typer(help="List, show and export crash reports.")

ReportId = Annotated[str, typer.Argument(metavar="ID", help="A report's id, or its beginning.")]

LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        min=1,
        help=f"How many at most (default: {SHOWN_REPORTS}, with --json all).",
    ),
]
PluginOption = Annotated[
    str | None, typer.Option("--plugin", metavar="PLUGIN_ID", help="Only this plugin's.")
]

EachOption = Annotated[bool, typer.Option("--each", help="Every report, not one line a bug.")]


def register(app: typer.Typer) -> None:
    """Add `crashes` to the command line."""
    crashes.command("replay")(replay_command)
    app.add_typer(crashes, name="crashes")


@crashes.callback(invoke_without_command=True)
def _default(
    context: typer.Context,
    limit: LimitOption = None,
    plugin: PluginOption = None,
    each: EachOption = False,
    as_json: JsonOption = False,
) -> None:
    context.obj = as_json
    if context.invoked_subcommand is None:
        _print_list(limit=limit, plugin=plugin, each=each, as_json=as_json)
    elif limit is not None or plugin is not None or each:
        raise typer.BadParameter("--limit, --plugin and --each go behind the word list")


@crashes.command("list")
def list_command(
    context: typer.Context,
    limit: LimitOption = None,
    plugin: PluginOption = None,
    each: EachOption = False,
    as_json: JsonOption = False,
) -> None:
    """List bugs by their signature, the one seen last first (the default)."""
    _print_list(limit=limit, plugin=plugin, each=each, as_json=as_json or context.obj)


@crashes.command("show")
def show_command(context: typer.Context, report: ReportId, as_json: JsonOption = False) -> None:
    """Show one report."""
    from host.store.crash_store import CrashStore
    from tools.commands.store import open_store

    with open_store() as database:
        found = CrashStore(database).get(report)
    if as_json or context.obj:
        console.print_json(found)
        return
    for line in lines_of(found):
        print(line)


@crashes.command("export")
def export_command(
    context: typer.Context,
    report: ReportId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file (default, or -: stdout)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a FILE that exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one report as JSON, with the plugin's state, for its author."""
    from host.store.crash_store import CrashStore
    from ipc.errors import InputError
    from tools.commands.store import open_store

    to_stdout = output is None or str(output) == "-"
    if output is not None and not to_stdout and output.is_file() and not force:
        raise InputError(f"{console.printable(str(output))}: exists already; --force replaces it")
    with open_store() as database:
        target = sys.stdout.buffer if output is None or to_stdout else output
        report_id = CrashStore(database).export(report, target)
    if to_stdout:
        sys.stdout.buffer.flush()
    elif as_json or context.obj:
        console.print_json({"id": report_id, "file": str(output)})
    else:
        print(f"{report_id} written to {output}")


def _print_list(*, limit: int | None, plugin: str | None, each: bool, as_json: bool) -> None:
    from host.store.crash_store import CrashStore
    from tools.commands.store import open_store

    wanted = limit if limit is not None or as_json else SHOWN_REPORTS
    with open_store() as database:
        most = None if wanted is None else wanted + 1
        found = CrashStore(database).list(most, plugin) if each or as_json else []
        groups = CrashStore(database).groups(most, plugin) if not each or as_json else []
    if as_json:
        console.print_json({"crashes": found[:wanted], "groups": groups[:wanted]})
        return
    if not found and not groups:
        print("no crash reports" if plugin is None else f"no crash reports of {plugin}")
        return
    if each:
        _print_reports(found[:wanted])
    else:
        _print_groups(groups[:wanted])
    if wanted is not None and max(len(found), len(groups)) > wanted:
        console.note(f"there are older ones: `isobooth crashes list --limit {wanted * 10}`")


def _print_groups(groups: Sequence[CrashGroup]) -> None:
    console.print_table(
        ("TIMES", "LAST (UTC)", "SIGNATURE", "WHAT", "NEWEST REPORT", "PLUGIN"),
        [
            (
                str(group.count),
                console.readable_time(group.newest.when),
                group.signature or "unknown",
                f"{group.newest.kind} {group.newest.cause}".strip(),
                group.newest.id,
                group.newest.plugin_id,
            )
            for group in groups
        ],
    )


def _print_reports(reports: Sequence[CrashSummary]) -> None:
    console.print_table(
        ("ID", "WHEN (UTC)", "SIGNATURE", "WHAT", "THEN", "SLOT", "PLUGIN"),
        [
            (
                line.id,
                console.readable_time(line.when),
                line.signature or "unknown",
                f"{line.kind} {line.cause}".strip(),
                line.action,
                line.slot,
                line.plugin_id,
            )
            for line in reports
        ],
    )


def lines_of(report: CrashReport) -> Iterator[str]:
    """The report for a person, a line each; what the plugin wrote is made harmless."""
    for name, value in _facts_of(report):
        if value:
            yield f"{name:<12}{console.printable(value)}"
    yield from _section(
        "last events",
        [
            f"block {event.block} +{event.frame}  {_event_text(event)}"
            for event in report.last_events
        ],
    )
    yield from _section(
        "last edits",
        [
            f"edit {edit.edit}  {edit.name or f'parameter {edit.parameter}'} = "
            f"{_value_text(edit.value)}"
            for edit in report.last_edits
        ],
    )
    yield from _section("shared its process with", report.shared_with)
    yield from _section("may have been instead", report.suspects)
    yield from _section("denied", [f"it tried to {denial}" for denial in report.denials])
    if report.backtrace is not None:
        yield from _backtrace_lines(report.backtrace)
    if report.stderr_tail:
        yield "stderr"
        yield from ("  " + console.printable(line) for line in report.stderr_tail.splitlines())


def _frames_of(thread: ThreadTrace) -> list[str]:
    lines = [f"#{depth:<3}{_shortened(str(frame))}" for depth, frame in enumerate(thread.frames)]
    return [thread.note, *lines] if thread.note else lines


def _shortened(text: str) -> str:
    """Names of C++ templates run to hundreds of characters; their beginning says enough. Where the
    call was stays."""
    name, within, place = text.rpartition(" in ")
    least = 20
    room = max(least, SHOWN_FRAME - len(within + place) - 1)
    return f"{name[:room]}…{within}{place}" if len(text) > SHOWN_FRAME else text


def _backtrace_lines(trace: Backtrace) -> Iterator[str]:
    if trace.note:
        yield f"{'backtrace':<12}{console.printable(trace.note)}"
    for thread in trace.threads:
        yield console.printable(f"thread {thread.thread_id} {thread.name}")
        for line in _frames_of(thread):
            yield "  " + console.printable(line)


def _facts_of(report: CrashReport) -> Iterator[tuple[str, str]]:
    yield "report", report.id
    yield "when", console.readable_time(report.when) + " UTC"
    yield "plugin", report.plugin_id
    yield "version", report.plugin_version or ""
    yield "file", report.plugin_path or ""
    yield "what", f"{report.kind} while in phase {report.phase}"
    if report.signal is not None:
        yield "signal", f"{report.signal.name} ({report.signal.number})"
    if report.access is not None:
        yield "access", str(report.access)
    yield "signature", report.signature or ""
    yield "dropped", ", ".join(report.dropped)
    if report.exit_code is not None:
        yield "exit code", str(report.exit_code)
    yield "slot", report.slot + (f" of {report.song}" if report.song else "")
    yield "then", report.action
    yield (
        "ran for",
        f"{report.uptime_s:.1f} s, {console.counted(report.blocks_processed, 'block')}; "
        f"failed in the host's block {report.block}",
    )
    if report.process_us:
        times = ", ".join(f"{time_us:.0f}" for time_us in report.process_us[-SHOWN_EVENTS:])
        yield "timings", f"{times} µs (the last is the newest)"
    yield "memory", _memory_text(report)
    if report.state is not None:
        yield "state", f"{len(report.state)} bytes (in the export)"
    host = report.host
    yield (
        "host",
        f"Isobooth {host.version}, {host.kernel}, "
        f"{host.sample_rate_hz:g} Hz, {host.block_frames} frames",
    )


def _memory_text(report: CrashReport) -> str:
    sizes = {"at most": report.memory.rss_bytes, "own share": report.memory.pss_bytes}
    return ", ".join(
        f"{size / 1e6:.1f} MB {name}" for name, size in sizes.items() if size is not None
    )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield title if len(lines) <= SHOWN_EVENTS else f"{title} ({SHOWN_EVENTS} of {len(lines)})"
    yield from ("  " + console.printable(line) for line in lines[-SHOWN_EVENTS:])


def _event_text(event: ReportedEvent) -> str:
    detail = dict(event.detail)
    if "name" in detail:  # says more than the number
        detail["parameter"] = detail.pop("name")
    words = (word for pair in detail.items() for word in (pair[0], _value_text(pair[1])))
    text = " ".join(words)
    return text if event.kind in detail else f"{event.kind} {text}".strip()


def _value_text(value: object) -> str:
    """Values have travelled as float32: what is behind the sixth digit is nobody's."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
