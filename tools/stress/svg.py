# SPDX-License-Identifier: GPL-3.0-or-later
"""A `Plot` as SVG to stand in a page: some 3 KB, in the colours of the page, light or dark.

Matplotlib's SVG has a dozen times that size and colours of its own, and a report of a night holds
hundreds of them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from host.stress.verdict import Plot
from ipc.text import one_line
from tools.stress.axis import Axis, linear_axis, log_axis, tick_text

WIDTH, HEIGHT = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 24, 38
_END, _FLOOR = WIDTH - _RIGHT, HEIGHT - _BOTTOM
_MOST_POINTS = 400  # more than there are pixels
_MOST_BARS = 200
_LABEL = 48  # letters
_LABEL_PX = 6.2  # a letter of the smaller text, about

# A limit further away than this many times the data would squeeze them into a corner.
_FAR = 3.0
# Counts that differ more than so are drawn by their logarithm: a few late blocks matter.
_UNEVEN = 60.0


def plot_svg(plot: Plot) -> str:
    """Safe as markup; empty where there is nothing to draw, or no way to draw it."""
    drawing = _DRAWINGS.get(plot.kind)
    points = list(zip(plot.x or range(len(plot.y)), plot.y, strict=False))
    points = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if drawing is None or not points:
        return ""
    title = _text(plot.title)
    return "".join(
        [
            f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
            _words("title", _LEFT, 13, title, "start"),
            *drawing(plot, points),
            "</svg>",
        ]
    )


def _text(text: str, most: int = _LABEL) -> str:
    return escape(one_line(text, most))


def _words(kind: str, x: float, y: float, safe: str, anchor: str = "middle", more: str = "") -> str:
    """`safe` is escaped already."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{safe}</text>'
    )


def _stroke(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


Points = list[tuple[float, float]]


@dataclass(frozen=True)
class _Limit:
    """Where the line of the limit is, if there is one and it is near."""

    value: float
    label: str
    near: bool


def _limit_of(plot: Plot, low: float, high: float) -> _Limit | None:
    if plot.limit is None or not math.isfinite(plot.limit):
        return None
    reach = max(abs(low), abs(high), high - low)
    near = low - _FAR * reach <= plot.limit <= high + (_FAR - 1) * reach
    return _Limit(plot.limit, f"{_text(plot.limit_label, 24)} {tick_text(plot.limit)}", near)


# ---------------------------------------------------------------- kinds


def _histogram(plot: Plot, points: Points) -> Iterator[str]:
    points = sorted(points)[-10 * _MOST_BARS :]
    begins = [x for x, _ in points]
    last_width = begins[-1] - begins[-2] if len(begins) > 1 else 1.0
    ends = [*begins[1:], begins[-1] + last_width]
    limit = _limit_of(plot, begins[0], ends[-1])
    across = _across(begins, ends, limit)
    counts = [max(0.0, y) for _, y in points]
    upwards = _upwards_counts(counts)
    yield from _frame(plot, across, upwards)
    for begin, end, count in zip(begins, ends, counts, strict=True):
        if count > 0:
            over = limit is not None and end > limit.value
            left, right = across.place(begin), across.place(end)
            # A count of one must be seen beside one of a million.
            top = min(upwards.place(count), _FLOOR - 1.5)
            yield (
                f'<rect class="bar{" over" if over else ""}" x="{left:.1f}" y="{top:.1f}" '
                f'width="{max(right - left - 0.5, 1):.1f}" height="{_FLOOR - top:.1f}"/>'
            )
    if limit is not None:
        yield from _upright_limit(limit, across)


def _across(begins: list[float], ends: list[float], limit: _Limit | None) -> Axis:
    steps = [end - begin for begin, end in zip(begins, ends, strict=True)]
    reach = [limit.value * 1.04] if limit is not None and limit.near else []
    if begins[0] > 0 and len(begins) > 4 and steps[-1] > 10 * max(steps[0], 1e-300):
        return log_axis(begins[0], max(ends[-1], *reach, 0.0), _LEFT, _END)
    return linear_axis([begins[0], ends[-1], *reach], _LEFT, _END)


def _upwards_counts(counts: list[float]) -> Axis:
    some = [count for count in counts if count > 0] or [1.0]
    if min(some) >= 1 and max(some) > _UNEVEN * min(some):
        return log_axis(0.7, max(some) * 1.3, _FLOOR, _TOP)
    return linear_axis([0.0, max(some) * 1.05], _FLOOR, _TOP)


def _line(plot: Plot, points: Points) -> Iterator[str]:
    points = _thinned(sorted(points))
    values = [y for _, y in points]
    limit = _limit_of(plot, min(values), max(values))
    reach = [limit.value] if limit is not None and limit.near else []
    across = linear_axis([x for x, _ in points], _LEFT, _END)
    upwards = _with_room(linear_axis([*values, *reach], _FLOOR, _TOP))
    yield from _frame(plot, across, upwards)
    places = " ".join(f"{across.place(x):.1f},{upwards.place(y):.1f}" for x, y in points)
    yield f'<polyline class="line" points="{places}"/>'
    if limit is not None:
        yield from _level_limit(limit, upwards)


def _thinned(points: Points) -> Points:
    """The lowest and the highest of as many neighbours as share a place."""
    if len(points) <= _MOST_POINTS:
        return points
    each = -(-2 * len(points) // _MOST_POINTS)
    kept: Points = []
    for begin in range(0, len(points), each):
        some = points[begin : begin + each]
        kept += sorted({min(some, key=lambda one: one[1]), max(some, key=lambda one: one[1])})
    return kept


def _with_room(axis: Axis) -> Axis:
    room = (axis.high - axis.low) * 0.06
    return Axis(axis.low - room, axis.high + room, axis.begin_px, axis.end_px)


def _bars(plot: Plot, points: Points) -> Iterator[str]:
    """From the floor up: levels in dB have no zero to stand on."""
    values = [y for _, y in points][:_MOST_BARS]
    limit = _limit_of(plot, min(values), max(values))
    reach = [limit.value] if limit is not None and limit.near else []
    zero = [0.0] if min(values) >= 0 else []
    upwards = _with_room(linear_axis([*values, *reach, *zero], _FLOOR, _TOP))
    if zero:
        upwards = Axis(0.0, upwards.high, _FLOOR, _TOP)
    across = Axis(0.0, float(len(values)), _LEFT, _END)
    yield from _frame(plot, across, upwards, with_ticks=False)
    each = (_END - _LEFT) / len(values)
    labels = [_text(label, 12) for label in plot.labels[: len(values)]]
    widest = max([len(label) for label in labels], default=0) * _LABEL_PX + 4
    every = max(1, math.ceil(widest / each))
    for at, value in enumerate(values):
        top = min(upwards.place(value), _FLOOR - 1.5)
        over = limit is not None and value > limit.value
        left = across.place(at) + each * 0.12
        yield (
            f'<rect class="bar{" over" if over else ""}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{max(each * 0.76, 0.5):.1f}" height="{_FLOOR - top:.1f}"/>'
        )
        if at < len(labels) and at % every == 0:
            middle = across.place(at + 0.5)
            yield _words("tick", middle, _FLOOR + 13, labels[at])
    if limit is not None:
        yield from _level_limit(limit, upwards)


_DRAWINGS = {"histogram": _histogram, "line": _line, "bars": _bars}

# ---------------------------------------------------------------- parts


def _frame(plot: Plot, across: Axis, upwards: Axis, with_ticks: bool = True) -> Iterator[str]:
    """Grid, ticks and labels of both axes."""
    for value in upwards.ticks(4):
        y = upwards.place(value)
        yield _stroke("grid", _LEFT, _END, y, y)
        yield _words("tick", _LEFT - 6, y + 3.5, tick_text(value), "end")
    yield _stroke("axis", _LEFT, _END, _FLOOR, _FLOOR)
    for value in across.ticks(6) if with_ticks else ():
        x = across.place(value)
        yield _stroke("axis", x, x, _FLOOR, _FLOOR + 4)
        yield _words("tick", x, _FLOOR + 15, tick_text(value))
    yield _words("label", (_LEFT + _END) / 2, HEIGHT - 5, _text(plot.x_label))
    middle = (_TOP + _FLOOR) / 2
    turn = f' transform="rotate(-90 11 {middle})"'
    yield _words("label", 11, middle, _text(plot.y_label, 24), more=turn)


def _upright_limit(limit: _Limit, across: Axis) -> Iterator[str]:
    """Beside the line where there is room; beyond the edge, an arrow."""
    if not limit.near:
        arrow = f"{limit.label} →" if limit.value > across.high else f"← {limit.label}"
        yield _words("limit-text", _END, 13, arrow, "end")
        return
    x = across.place(limit.value)
    yield _stroke("limit", x, x, _TOP - 5, _FLOOR)
    yield _words("limit-text", max(x, 250), 13, limit.label, "end")


def _level_limit(limit: _Limit, upwards: Axis) -> Iterator[str]:
    if limit.near:
        y = upwards.place(limit.value)
        yield _stroke("limit", _LEFT, _END, y, y)
    arrow = "" if limit.near else " ↑" if limit.value > upwards.high else " ↓"
    yield _words("limit-text", _END, 13, limit.label + arrow, "end")
