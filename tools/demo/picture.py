# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a take: what every track did, what happened to whom, and whether the mix was on time.

From top to bottom: a lane a track with its level, the master with its real waveform, each fault
magnified with the master beneath it, and the time that every block took. Time runs the same way in
all of them, and colours mean the same everywhere.
"""

from pathlib import Path
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from host.user_file import AtomicFile
from tools.console import counted
from tools.demo.take import Outcome, Take

WIDTH_PX, HEIGHT_PX = 1600, 1120
_DPI = 100
_BINS = 1300  # drawn columns: about one a pixel

_BACKGROUND, _PANEL, _LINE = "#0e131a", "#151c26", "#2a3544"
_TEXT, _QUIET = "#e8edf3", "#93a1b3"
_FAULT, _BACK, _DEADLINE = "#ff5a5f", "#3ddc97", "#f5b84c"
_MASTER = "#b9c7d8"
_TRACKS = ("#f4a261", "#61b5f5", "#b794f6", "#56cfb8", "#e3cf57", "#f285b0")

# Left and right edge of every panel, as a share of the width.
_LEFT, _RIGHT = 0.127, 0.985

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _TEXT,
    "axes.facecolor": _PANEL,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _QUIET,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "figure.facecolor": _BACKGROUND,
    "savefig.facecolor": _BACKGROUND,
}

Curve = NDArray[np.float64]


def draw(take: Take, path: Path) -> None:
    """Writes the picture of `take` as a PNG file, WIDTH_PX by HEIGHT_PX."""
    with matplotlib.rc_context(cast(Any, _STYLE)):
        figure = Figure(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI)
        _draw_title(figure, take)
        _draw_lanes(figure, take)
        _draw_close_ups(figure, take)
        _draw_block_times(figure, take)
        with AtomicFile(path) as output:
            figure.savefig(output.file, format="png", dpi=_DPI)


def colour_of(take: Take, outcome: Outcome) -> str:
    return _TRACKS[take.tracks.index(outcome.track) % len(_TRACKS)]


# ---------------------------------------------------------------- title


def _draw_title(figure: Figure, take: Take) -> None:
    failed = len(take.outcomes)
    plays_on = "the mix plays on" if take.complete else "not all went well"
    numbers = {1: "One plugin fails", 2: "Two plugins fail", 3: "Three plugins fail"}
    headline = f"{numbers.get(failed, f'{failed} plugins fail')}, {plays_on}"
    if take.bystander_misses:
        headline += f"; the others miss {counted(take.bystander_misses, 'deadline')}"
    figure.text(0.015, 0.967, headline, size=19, weight="bold", va="center")
    config = take.config
    facts = (
        f"Isobooth demo: {take.seconds(take.expected_blocks):.0f} s in real time, "
        f"{take.slot_count} plugins, each in a process of its own, blocks of "
        f"{config.block_frames} frames at {config.sample_rate / 1000:g} kHz"
    )
    figure.text(0.015, 0.939, facts, size=11, color=_QUIET, va="center")
    late = take.late_blocks
    verdict = (
        f"{take.delivered_blocks:,} of {take.expected_blocks:,} blocks delivered, "
        f"{late if late else 'none'} late"
    )
    figure.text(_RIGHT, 0.967, verdict, size=13, weight="bold", ha="right", va="center",
                color=_DEADLINE if late else _BACK)  # fmt: skip
    _draw_key(figure)


def _draw_key(figure: Figure) -> None:
    """What the marks mean, under the verdict."""
    fails = Line2D([], [], color=_FAULT, marker="v", ms=8, lw=0, label="a plugin fails")
    covered = Patch(facecolor=_FAULT, alpha=0.45, label="the host covers for it")
    back = Line2D(
        [], [], color=_BACK, marker="^", ms=8, lw=0, label="it is back, with its settings"
    )
    figure.legend(
        handles=[fails, covered, back], loc="center right", bbox_to_anchor=(_RIGHT + 0.005, 0.939),
        ncols=3, frameon=False, fontsize=10, labelcolor=_QUIET, handlelength=1.2, handletextpad=0.5,
        columnspacing=1.8, borderpad=0,
    )  # fmt: skip


# ---------------------------------------------------------------- lanes


def _draw_lanes(figure: Figure, take: Take) -> None:
    """The tracks, the master under them, and the faults across all."""
    height, gap, top = 0.05, 0.0185, 0.899
    length_s = take.seconds(take.expected_blocks)
    for index, track in enumerate(take.tracks):
        bottom = top - (index + 1) * height - index * gap
        axes = _panel(figure, bottom, height, length_s)
        colour = _TRACKS[index % len(_TRACKS)]
        _fill_levels(axes, take, index, colour)
        chain = " › ".join(slot.label for slot in track.chain)
        _name(figure, bottom + height / 2, track.label, chain, colour)
        for outcome in take.outcomes:
            if outcome.track is track:
                _mark_fault(axes, take, outcome)
    master_height = 0.088
    bottom = top - len(take.tracks) * (height + gap) - master_height
    axes = _panel(figure, bottom, master_height, length_s)
    _fill_waveform(axes, take, 0.0, length_s, _MASTER)
    axes.set_ylim(-1.0, 1.0)
    for outcome in take.outcomes:
        if outcome.fault_block is not None:
            axes.axvline(take.seconds(outcome.fault_block), color=_FAULT, lw=0.8, alpha=0.75)
    _name(figure, bottom + master_height / 2, "Master", f"peak {take.peak_db:.1f} dBFS", _MASTER)
    _time_axis(axes, length_s)


def _panel(figure: Figure, bottom: float, height: float, length_s: float) -> Axes:
    axes = figure.add_axes((_LEFT, bottom, _RIGHT - _LEFT, height))
    axes.set_xlim(0.0, length_s)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    return axes


def _name(figure: Figure, y: float, name: str, below: str, colour: str) -> None:
    figure.text(0.015, y + 0.0075, name, size=12, weight="bold", color=colour, va="center")
    figure.text(0.015, y - 0.0115, below, size=8.5, color=_QUIET, va="center")


def _time_axis(axes: Axes, length_s: float) -> None:
    step = next(s for s in (1, 2, 5, 10, 20) if length_s / s <= 16)
    times = np.arange(0, length_s - 0.2 * step, step)  # a label at the very end would be cut off
    axes.set_xticks(times, [f"{time:g} s" for time in times], size=9)
    axes.tick_params(axis="x", length=3, labelbottom=True, color=_LINE)


def _fill_levels(axes: Axes, take: Take, strip: int, colour: str) -> None:
    """A track's peak in each block, mirrored, as loud as the lane is high."""
    peaks = np.asarray(take.blocks["peaks"], dtype=np.float64)[:, strip]
    times, levels = _columns(peaks, take.seconds(1))
    scale = max(float(levels.max()), 1e-3)
    axes.fill_between(times, -levels / scale, levels / scale, color=colour, lw=0, alpha=0.85)
    axes.set_ylim(-1.12, 1.12)


def _columns(values: Curve, step_s: float, bins: int = _BINS) -> tuple[Curve, Curve]:
    """(times, highest values) of at most `bins` columns; `values` are `step_s` apart."""
    each = max(1, -(-len(values) // bins))
    padded = np.pad(values, (0, -len(values) % each), mode="edge")
    highest: Curve = padded.reshape(-1, each).max(axis=1)
    return np.arange(0, len(values), each, dtype=np.float64) * step_s, highest


def _fill_waveform(axes: Axes, take: Take, begin_s: float, end_s: float, colour: str) -> None:
    """The master as it was played between two times, lowest to highest sample of each column."""
    rate = take.config.sample_rate
    begin, end = max(0, round(begin_s * rate)), min(take.audio.shape[1], round(end_s * rate))
    mono = take.audio[:, begin:end].astype(np.float64)
    high, low = mono.max(axis=0), -mono.min(axis=0)
    times, top = _columns(high, 1 / rate)
    _, bottom = _columns(low, 1 / rate)
    axes.fill_between(begin / rate + times, -bottom, top, color=colour, lw=0)


def _mark_fault(axes: Axes, take: Take, outcome: Outcome) -> None:
    """The gap, the fault and the return on a lane, and what they were."""
    if outcome.fault_block is None:
        return
    begin = take.seconds(outcome.fault_block)
    end = begin + take.seconds(outcome.covered_blocks)
    axes.axvspan(begin, end, color=_FAULT, alpha=0.38, lw=0)
    axes.axvline(begin, color=_FAULT, lw=1.4)
    axes.plot(begin, 1.12, marker="v", color=_FAULT, ms=8, clip_on=False, zorder=5)
    if outcome.back:
        axes.plot(end, -1.12, marker="^", color=_BACK, ms=8, clip_on=False, zorder=5)
    words = f"{outcome.slot.label} {outcome.sabotage.what} ({outcome.sabotage.short})"
    axes.annotate(
        words, (begin, 1.12), (9, 2), textcoords="offset points", va="bottom", size=9.5,
        color=_TEXT, annotation_clip=False,
    )  # fmt: skip


# ---------------------------------------------------------------- close-ups


def _draw_close_ups(figure: Figure, take: Take) -> None:
    """Each fault magnified: the victim's level above, the master's waveform below."""
    shown = [outcome for outcome in take.outcomes if outcome.fault_block is not None]
    if not shown:
        return
    gap = 0.02
    width = (_RIGHT - 0.015 - gap * (len(shown) - 1)) / len(shown)
    for index, outcome in enumerate(shown):
        _draw_close_up(figure, take, outcome, 0.015 + index * (width + gap), width)


def _draw_close_up(figure: Figure, take: Take, outcome: Outcome, left: float, width: float) -> None:
    assert outcome.fault_block is not None
    fault_s = take.seconds(outcome.fault_block)
    gap_s = take.seconds(outcome.covered_blocks)
    before_s = max(0.04, 0.25 * gap_s)
    after_s = max(0.12, 1.6 * gap_s)
    begin, end = fault_s - before_s, fault_s + after_s
    colour = colour_of(take, outcome)
    upper = figure.add_axes((left, 0.287, width, 0.053))
    lower = figure.add_axes((left, 0.214, width, 0.067))
    for axes in (upper, lower):
        axes.set_xlim(begin, end)
        axes.set_yticks([])
        axes.tick_params(axis="x", length=0, labelbottom=False)
        for side in ("top", "left", "right", "bottom"):
            axes.spines[side].set_visible(False)
        axes.axvspan(fault_s, fault_s + gap_s, color=_FAULT, alpha=0.22, lw=0)
        axes.axvline(fault_s, color=_FAULT, lw=1.2)
        if outcome.back:
            axes.axvline(fault_s + gap_s, color=_BACK, lw=1.2)
    strip = take.tracks.index(outcome.track)
    first, last = max(0, int(begin / take.seconds(1)) - 1), int(end / take.seconds(1)) + 2
    peaks = np.asarray(take.blocks["peaks"], dtype=np.float64)[first:last, strip]
    times, levels = _columns(peaks, take.seconds(1), bins=400)
    upper.fill_between(
        take.seconds(first) + times, 0, levels, step="post", color=colour, lw=0, alpha=0.9
    )
    upper.set_ylim(0, 1.15 * max(float(levels.max()), 1e-3))
    _fill_waveform(lower, take, begin, end, _MASTER)
    lower.margins(y=0.12)
    ticks = _ticks_ms(before_s, after_s)
    labels = [f"{tick:+.0f} ms" if tick else "0" for tick in ticks]
    lower.set_xticks(fault_s + ticks / 1000, labels, size=8.5)
    lower.tick_params(axis="x", length=3, labelbottom=True, color=_LINE)
    for axes, words, paint in ((upper, outcome.track.label, colour), (lower, "Master", _MASTER)):
        axes.text(0.992, 0.93, words, transform=axes.transAxes, ha="right", va="top", size=8.5,
                  color=paint, bbox=_box(0.75))  # fmt: skip
    back = f"not heard for {1000 * gap_s:.0f} ms" if outcome.back else "did not come back"
    upper.set_title(f"{outcome.slot.label}: {back}", size=10.5, loc="left", pad=5, color=_TEXT)
    upper.set_title(f"meanwhile: {outcome.heard_meanwhile}", size=9.5, loc="right", pad=5,
                    color=_QUIET)  # fmt: skip


def _box(alpha: float) -> dict[str, Any]:
    """Behind words that stand on a curve."""
    return {"facecolor": _PANEL, "alpha": alpha, "edgecolor": "none", "pad": 1.0}


def _ticks_ms(before_s: float, after_s: float) -> Curve:
    span = 1000 * (before_s + after_s)
    step = next(s for s in (10, 20, 50, 100, 200, 500, 1000, 5000) if span / s <= 7)
    return np.arange(-(1000 * before_s // step) * step, 1000 * after_s, step)


# ---------------------------------------------------------------- block times


def _draw_block_times(figure: Figure, take: Take) -> None:
    """How long every block took, against its deadline and its period."""
    length_s = take.seconds(take.expected_blocks)
    axes = figure.add_axes((_LEFT, 0.038, _RIGHT - _LEFT, 0.128))
    period_ms = 1000 * take.config.block_s
    deadline_ms = period_ms * take.config.deadline_fraction
    spent = take.duration_us / 1000
    times, highest = _columns(spent, take.seconds(1))
    axes.fill_between(times, 0, highest, step="post", color="#5b8def", lw=0, alpha=0.9)
    axes.axhline(period_ms, color=_FAULT, lw=1.2)
    axes.axhline(deadline_ms, color=_DEADLINE, lw=1.2, ls=(0, (5, 3)))
    axes.set_xlim(0.0, length_s)
    # One block that took for ever must not flatten all others; the number beside says how long.
    axes.set_ylim(0, float(np.clip(1.05 * spent.max(), 1.18 * period_ms, 2.5 * period_ms)))
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.yaxis.set_major_formatter("{x:g} ms")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _time_axis(axes, length_s)
    for outcome in take.outcomes:
        if outcome.fault_block is not None:
            axes.axvline(take.seconds(outcome.fault_block), color=_FAULT, lw=0.8, alpha=0.75)
    for level, words, paint in (
        (period_ms, f"period {period_ms:.2f} ms: later is too late", _FAULT),
        (deadline_ms, f"deadline {deadline_ms:.2f} ms: the host stops waiting", _DEADLINE),
    ):
        axes.annotate(
            words, (0.004, level), (0, 5), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", size=9, color=paint, bbox=_box(0.85),
        )  # fmt: skip
    median, worst = float(np.median(spent)), float(spent.max())
    _name(figure, 0.112, "Block times", f"median {median:.2f} ms", "#7fa8f5")
    figure.text(0.015, 0.084, f"longest {worst:.2f} ms", size=8.5, color=_QUIET, va="center")
