# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the host grew, from what was seen of it between songs.

Counts must be at the end what they were after the warm-up. Memory is not as steady: an allocator
keeps pages that it will need again. There a robust slope (the median of the slopes between all
pairs of looks, Theil and Sen) tells a leak from steps, and what it makes over the whole run is
held against a limit.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from tools.soak.footprint import Footprint

COUNTS = ("descriptors", "threads", "children", "segments", "semaphores")

# Songs until caches are warm: the first load imports, the first faults fill pools and logs.
WARM_UP_SONGS = 2
ENOUGH_SONGS = 12
# What the run may end with beyond its beginning. A restart that leaked one chain's segments, or a
# song that leaked its clips, is beyond it within a minute.
MEMORY_LIMIT_BYTES = 4 * 1024 * 1024


class Verdict(Struct, frozen=True, kw_only=True):
    """`growth` is one line for each thing that grew; empty: nothing did."""

    memory_growth_bytes: int  # over the run, by the slope
    memory_slope_bytes_per_song: int
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES
    growth: tuple[str, ...]


def judge(looks: Sequence[Footprint]) -> Verdict:
    """`looks`: all that were taken, in order; at least one between songs after the warm-up."""
    quiet = [look for look in looks if not look.playing][WARM_UP_SONGS:]
    if not quiet:
        raise ValueError("no look was taken after the warm-up")
    growth = []
    first, last = asdict(quiet[0]), asdict(quiet[-1])
    for name in COUNTS:
        if last[name] > first[name]:
            growth.append(f"{name}: {first[name]} after the warm-up, {last[name]} at the end")
    slope = _slope([look.anonymous_bytes for look in quiet])
    total = slope * (len(quiet) - 1)
    # Songs differ: of a few, the slope says which came last.
    if total > MEMORY_LIMIT_BYTES and len(quiet) >= ENOUGH_SONGS:
        growth.append(
            f"memory: {total / 2**20:.1f} MiB more after {len(quiet) - 1} songs, "
            f"{slope / 1024:.0f} KiB a song"
        )
    return Verdict(
        memory_growth_bytes=round(total),
        memory_slope_bytes_per_song=round(slope),
        growth=tuple(growth),
    )


def _slope(values: Sequence[int]) -> float:
    """The median slope between all pairs, a step of the sequence; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    heights = np.asarray(values, dtype=np.float64)
    later, earlier = np.triu_indices(len(heights), 1)[::-1]
    return float(np.median((heights[later] - heights[earlier]) / (later - earlier)))
