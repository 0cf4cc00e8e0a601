# SPDX-License-Identifier: GPL-3.0-or-later
"""What a render tells people, on standard output when it has ended."""

from collections.abc import Iterator

from tools.console import counted, print_table, printable
from tools.render.missing import remarks_on_missing
from tools.render.report import BatchReport, RenderReport, SlotEntry, clock

_SHOWN_FAILURES = 20


def print_song(report: RenderReport) -> None:
    """One file: what was written, the slots, and in real time how the clock was kept."""
    if report.result != "done":
        return  # the figures of an attempt say nothing about a file that is not there
    print(printable(_headline(report)))
    if report.slots:
        print()
        print_table(
            ("SLOT", "PLUGIN", "STATUS", "RESTARTS", "MISSING", "REPAIRED", "CRASH REPORTS"),
            [_row(slot, report.blocks) for slot in report.slots],
        )
    if report.mode == "realtime":
        print()
        for line in _timing(report):
            print(line)


def print_batch(report: BatchReport) -> None:
    """Counts, then what failed and why."""
    summary = report.summary
    parts = [f"{summary.done} done"]
    if summary.retried:
        parts[0] += f" ({summary.retried} after a retry)"
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped")
    parts.append(f"{summary.failed} failed")
    if summary.warned:
        parts.append(f"{counted(summary.warned, 'file')} with warnings")
    speed = f" ({summary.files_per_s:g} a second)" if summary.done else ""
    print(
        f"{counted(summary.files, 'file')} in {summary.elapsed_s:.1f} s{speed}: {', '.join(parts)}"
    )
    failed = [file for file in report.files if file.result == "failed"]
    for file in failed[:_SHOWN_FAILURES]:
        print(f"  failed: {failure_line(file)}")
    if len(failed) > _SHOWN_FAILURES:
        print(f"  … and {len(failed) - _SHOWN_FAILURES} more; --json names them all")


def failure_line(report: RenderReport) -> str:
    """Which file failed and why, on one line; most reasons name the file themselves."""
    reason = " ".join(report.reason.split())
    line = reason if reason.startswith(report.input) else f"{report.input}: {reason}"
    return printable(line)


def _headline(report: RenderReport) -> str:
    stored = "float" if report.sample_format == "float" else f"{report.sample_format}-bit"
    level = "silent" if report.peak_db is None else f"peak {report.peak_db:+.1f} dBFS"
    speed = report.duration_s / report.elapsed_s if report.elapsed_s else 0.0
    how = "in real time" if report.mode == "realtime" else f"{_rounded(speed)} times real time"
    retried = ", after a retry" if report.attempts > 1 else ""
    return (
        f"{report.output}: {clock(report.duration_s)}, {report.sample_rate} Hz, {stored}, {level}; "
        f"{counted(report.blocks, 'block')} of {report.block_frames} in {report.elapsed_s:.2f} s, "
        f"{how}{retried}"
    )


def _rounded(factor: float) -> str:
    """Three digits, and no powers of ten."""
    return f"{factor:,.0f}" if factor >= 100 else f"{factor:.3g}"


def _row(slot: SlotEntry, blocks: int) -> tuple[str, ...]:
    missing = counted(slot.bypassed_blocks, "block") if slot.bypassed_blocks else ""
    if slot.bypassed_blocks >= blocks > 0:
        missing = "all along"
    return (
        slot.id,
        slot.plugin,
        slot.status,
        str(slot.restarts or ""),
        missing,
        counted(slot.repaired_samples, "sample") if slot.repaired_samples else "",
        ", ".join(slot.crashes),
    )


def _timing(report: RenderReport) -> Iterator[str]:
    times = report.block_us
    yield (
        f"a block took {times.median:g} µs (median), {times.p99:g} µs (99 of 100), "
        f"{times.max:g} µs (longest) of {report.deadline_us:g} µs"
    )
    late = f"{report.late_blocks} of {counted(report.blocks, 'block')} were late"
    if report.machine_late_blocks:
        late += f", {report.machine_late_blocks} of them because the machine was"
    yield late if report.late_blocks else f"none of {counted(report.blocks, 'block')} was late"
    yield from remarks_on_missing(report.slots)
    if not report.realtime:
        yield "without real-time priority; `isobooth doctor` says how to get it"
    for event in report.events:
        if event.kind != "notice":
            yield f"  {clock(event.time_s)}  {printable(event.text)}"
