# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of faults (host/crash_report.py) in words and signs; names of plugins from their ids."""

import re
from datetime import datetime

from ipc.desk.state import CrashEntry, DeskState
from ui.pages.parts.mark import Mark

_FAULTS = {
    "crash": Mark("burst", "failed", "crashed"),
    "killed": Mark("cross", "failed", "was killed"),
    "exit": Mark("cross", "failed", "ended itself"),
    "hang": Mark("hourglass", "standby", "hung"),
    "nonfinite": Mark("warning", "late", "sent NaN or Inf"),
    "runaway": Mark("warning", "late", "became far too loud"),
    "load_failed": Mark("cross", "late", "could not be loaded"),
    "load_timeout": Mark("hourglass", "late", "did not load in time"),
    "restore_failed": Mark("warning", "late", "did not take its state"),
}


def fault_mark(kind: str) -> Mark:
    return _FAULTS.get(kind, Mark("question", "restarting", kind.replace("_", " ")))


def plugin_title(plugin: str, state: DeskState) -> str:
    """What the song calls it, or else what its id ends with."""
    for track in (*state.tracks, state.master):
        for slot in track.slots:
            if slot.plugin == plugin and slot.name:
                return slot.name
    _, _, rest = plugin.partition(":")
    last = next(filter(None, reversed(re.split(r"[/#:]", rest))), plugin)
    return re.sub(r"\.(so|vst3|lv2|clap)$", "", last)


def place_of(entry: CrashEntry, state: DeskState) -> str:
    """ "on Drums"; "" if this song has no such plugin there any more."""
    for track in (*state.tracks, state.master):
        for slot in track.slots:
            if (slot.id, slot.plugin) == (entry.slot, entry.plugin):
                return f"on {track.name}"
    return ""


def local_time(when: str) -> datetime | None:
    """Of the report's time, which is UTC."""
    try:
        return datetime.fromisoformat(when).astimezone()
    except ValueError:
        return None


def time_text(when: str, now: datetime | None = None) -> str:
    """ "14:02:11" today, "yesterday 14:02", "28 Nov 14:02", with the year if it is another."""
    time = local_time(when)
    if time is None:
        return when
    now = now or datetime.now().astimezone()
    days = (now.date() - time.date()).days
    if days == 0:
        return f"{time:%H:%M:%S}"
    if days == 1:
        return f"yesterday {time:%H:%M}"
    day = f"{time.day} {time:%b}"
    return f"{day} {time:%H:%M}" if time.year == now.year else f"{day} {time.year}"


def done_about(entry: CrashEntry) -> str:
    """ "SIGSEGV, restarted": the summary without the kind, which is told otherwise."""
    return entry.summary.removeprefix(entry.kind).strip(" ,")
