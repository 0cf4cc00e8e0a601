# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that every file can hold.

Plugins print bytes that are no text, and checks measure NaN. JSON has neither: one such value, and
a night's report could not be written, or not be read again as a baseline.
"""

import math
from typing import Any

import msgspec

from host.crash_report import storable_text
from host.stress.verdict import StressReport


def storable(report: StressReport) -> StressReport:
    """A copy in which all text is valid Unicode. Figures that are no numbers are left out, and so
    are such points of plots."""
    data = msgspec.to_builtins(report)
    for plugin in data["plugins"]:
        for check in plugin["checks"]:
            for plot in check["plots"]:
                _drop_points(plot)
    return msgspec.convert(_stored(data), StressReport)


def _drop_points(plot: dict[str, Any]) -> None:
    """Those that are no numbers on either axis. Bars, which have labels for `x`, lose them too."""
    columns = [name for name in ("x", "y", "labels") if plot[name]]
    points = [
        point
        for point in zip(*(plot[name] for name in columns), strict=False)
        if not any(_is_no_number(value) for value in point)
    ]
    for place, name in enumerate(columns):
        plot[name] = [point[place] for point in points]


def _stored(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {
            storable_text(key): _stored(item)
            for key, item in value.items()
            if not _is_no_number(item)  # all of them have a default, or are figures
        }
    if isinstance(value, list):
        return [_stored(item) for item in value]
    return value


def _is_no_number(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
