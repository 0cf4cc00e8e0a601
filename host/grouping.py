# SPDX-License-Identifier: GPL-3.0-or-later
"""Which slots of a song share a process.

One process a plugin is the rule: what a plugin does to its process, it does to nobody else. Sharing
saves memory, and costs that a crash takes the neighbours along for as long as they take to load.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from host.conduct import Conduct, Standing
from host.permissions import PermissionRules
from host.plugin_id import PluginFormat
from host.song import Grouping, Slot
from ipc.messages import MAX_MEMBERS

# It runs in Python, and only one thread of a process can.
_NEVER_SHARES = (PluginFormat.PEDALBOARD,)


def group_keys(
    grouping: Grouping,
    slots: Iterable[tuple[str, Slot]],
    conduct: Mapping[str, Conduct],
    permissions: PermissionRules,
) -> dict[str, str]:
    """What slots that share a process have in common, by slot; those that run alone are left out.
    `slots` come with the track they are on, and leave out those that cannot share; `conduct` is by
    plugin id."""
    if grouping is Grouping.PLUGIN:
        return {}
    sharers: dict[str, list[str]] = {}
    for track, slot in slots:
        known = conduct.get(slot.plugin) or Conduct(plugin_id=slot.plugin)
        common = _common(grouping, track, slot, known)
        if common is None or slot.plugin_id.format in _NEVER_SHARES:
            continue
        # What one may do, all of its process may do; and a limit of one would be one of all.
        may = permissions.of(slot.plugin)
        if may.memory_mb is not None:
            continue
        sharers.setdefault(f"{common} {may.profile} {may.network} {may.display}", []).append(
            slot.id
        )
    keys = {}
    for common, together in sharers.items():
        waiting = iter(together)
        number = 0
        while (some := list(islice(waiting, MAX_MEMBERS))) and len(some) > 1:
            keys.update(dict.fromkeys(some, f"{common} {number}"))
            number += 1
    return keys


def _common(grouping: Grouping, track: str, slot: Slot, conduct: Conduct) -> str | None:
    """None: it runs alone."""
    if slot.alone or conduct.standing is Standing.ALONE:
        return None
    match grouping:
        case Grouping.CHAIN:
            return f"chain {track}"
        case Grouping.VENDOR:
            # Told by the plugin itself, so that it is known once it has been loaded.
            return f"vendor {conduct.vendor}" if conduct.vendor else None
        case Grouping.AUTO:
            return f"chain {track}" if conduct.standing is Standing.PROVEN else None
    return "all"
