# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, for people: `p99_us` and 611.0 is "p99" and "611 µs"."""

import re

from ipc.text import one_line

_UNITS = {
    "ns": "ns",
    "us": "µs",
    "ms": "ms",
    "s": "s",
    "hz": "Hz",
    "db": "dB",
    "dbfs": "dBFS",
    "percent": "%",
    "bytes": "bytes",
    "kib": "KiB",
    "mib": "MiB",
    "frames": "frames",
    "samples": "samples",
}
_NAMED = re.compile(rf"(.+)_({'|'.join(_UNITS)})(?:_per_([a-z]+))?")


def figure(name: str, value: float) -> tuple[str, str]:
    """What it is, and how much with its unit."""
    name = one_line(name, 60)
    found = _NAMED.fullmatch(name)
    if found is None:
        return name.replace("_", " "), number_text(value)
    per = f"/{found[3]}" if found[3] else ""
    return found[1].replace("_", " "), f"{number_text(value)} {_UNITS[found[2]]}{per}"


def number_text(value: float) -> str:
    """ "20,000", "0.0213", "402.5": as exact as anybody reads."""
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        if value == int(value) or abs(value) >= 1e4:
            return f"{value:,.0f}"
        return f"{value:,.4g}"
    return f"{value:.3g}"
