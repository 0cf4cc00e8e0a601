# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins as they are typed: `vst3:./Mine.vst3/` means what a shell would make of the path.

Everywhere else a plugin id holds an absolute path, because a worker has a folder of its own.
"""

import os

from host.plugin_id import PluginFormat, PluginId


def typed_plugin_id(text: str) -> str:
    """The full id; InputError if it is none. The file need not exist."""
    head, colon, rest = text.partition(":")
    if colon and rest and head in (PluginFormat.VST3, PluginFormat.LADSPA):
        path, hash_sign, label = (
            rest.rpartition("#") if head == PluginFormat.LADSPA else (rest, "", "")
        )
        if path:
            text = f"{head}:{os.path.abspath(os.path.expanduser(path))}{hash_sign}{label}"
    return str(PluginId.parse(text))
