# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the file that a plugin's id names is there, before anything is said of the plugin."""

import os
from difflib import get_close_matches
from pathlib import Path

from host.plugin_id import PluginFormat, PluginId
from ipc.errors import InputError

_OF_FILES = (PluginFormat.VST3, PluginFormat.CLAP, PluginFormat.LADSPA)


def check_is_there(plugin: PluginId) -> None:
    """Raises InputError if it is of a format whose ids name files, and that one does not exist."""
    if plugin.format not in _OF_FILES or os.path.lexists(plugin.target):
        return
    path = Path(plugin.target)
    try:
        beside = os.listdir(path.parent)
    except OSError:
        beside = []
    near = get_close_matches(path.name, beside, 1)
    hint = f"; did you mean {path.parent / near[0]}?" if near else ""
    raise InputError(f"{plugin}: there is no {path}{hint}")
