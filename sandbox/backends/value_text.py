# SPDX-License-Identifier: GPL-3.0-or-later
"""Which value a text means, for plugins that show their values but do not always read them.

Some plugins take "on" for off, or read a number without its unit as zero. So the plugin's answer
counts only if the plugin shows it as what was written; failing that, the value is sought among
what the plugin shows.
"""

import math
import re
from collections.abc import Callable, Sequence

NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_MOST_CHOICES = 256  # discrete values that are compared one by one with a text

Show = Callable[[float], Sequence[str]]


def value_of_text(
    text: str, *, show: Show, steps: int, ask: Callable[[], float | None]
) -> float | None:
    """The normalized value, or None if the text means none.

    `show` gives the plugin's texts for a value, the fullest first; `steps` is the number of
    discrete values (0: continuous); `ask` is the plugin's own reading, or None.
    """
    wanted = " ".join(text.split()).casefold()
    if 2 <= steps <= _MOST_CHOICES:
        for step in range(steps):
            value = step / (steps - 1)
            if wanted in (each.casefold() for each in show(value)):
                return value
    answer = ask()
    if answer is not None and _means(show, answer, wanted):
        return answer
    return _search(show, wanted)


def _means(show: Show, value: float, wanted: str) -> bool:
    """Does the plugin show this value as (about) the wanted text?"""
    shown = show(value)[0].casefold()
    if shown == wanted:
        return True
    here, there = _number(shown), _number(wanted)
    if here is None or there is None:
        return False
    low, high = (_shown_number(show, v) for v in (0.0, 1.0))
    room = abs(high - low) if low is not None and high is not None else abs(there)
    return abs(here - there) <= 1e-3 * room + 1e-6


def _search(show: Show, wanted: str) -> float | None:
    """Bisection, for plugins that show numbers in order but do not read them."""
    target = _number(wanted)
    ends = [_shown_number(show, v) for v in (0.0, 1.0)]
    if target is None or ends[0] is None or ends[1] is None:
        return None
    low, high = 0.0, 1.0
    rising = ends[1] > ends[0]
    for _ in range(24):  # a float's own resolution
        middle = (low + high) / 2
        shown = _shown_number(show, middle)
        if shown is None:
            return None
        if (shown < target) == rising:
            low = middle
        else:
            high = middle

    def distance(value: float) -> float:
        shown = _shown_number(show, value)
        return math.inf if shown is None else abs(shown - target)

    nearest = min((low, high), key=distance)
    return nearest if _means(show, nearest, wanted) else None


def _shown_number(show: Show, value: float) -> float | None:
    return _number(show(value)[0].casefold())


def _number(text: str) -> float | None:
    """The number that a (casefolded) text begins with: '2.5 khz' is 2500."""
    match = NUMBER.fullmatch(text)
    if not match:
        return None
    return float(match[1]) * (1e3 if match[2].startswith("k") else 1.0)
