# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for the files of a song's plugins, before any worker is asked for one.

A path with a typing error is the user's to mend: no plugin failed, so there is no crash report.
"""

from pathlib import Path

from host.json_fields import did_you_mean
from host.plugin_id import PluginFormat, PluginId
from host.slot_place import slot_place
from host.song import Song
from host.user_file import path_text
from ipc.errors import InputError

_WHAT = {
    PluginFormat.VST3: "VST3 plugin",
    PluginFormat.CLAP: "CLAP file",
    PluginFormat.LADSPA: "LADSPA file",
}


def check_plugin_files(song: Song) -> None:
    """InputError, naming the song's field and the path, for a plugin whose file is not there.
    Formats that are not found by path are left to the worker."""
    for _, slot in song.slots():
        if missing := missing_file(slot.plugin_id):
            raise InputError(f"{slot_place(song, slot.id, 'plugin')}: {missing}")


def missing_file(plugin: PluginId) -> str | None:
    """What is wrong, in words, if the plugin's file is not there."""
    if plugin.path is None or (path := Path(plugin.path)).exists():
        return None
    try:
        beside = sorted(p.name for p in path.parent.iterdir() if p.suffix == path.suffix)
    except OSError:
        beside = []
    hint = did_you_mean(path.name, beside)
    return f"the {_WHAT[plugin.format]} {path_text(path)} does not exist{hint}"
