# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins as they are typed: `vst3:./Mine.vst3/` means what a shell would make of the path.

Everywhere else a plugin id holds an absolute path, because a worker has a folder of its own.
"""

import os

from host.plugin_id import PluginFormat, PluginId
from ipc.clap_location import split_clap_location


def typed_plugin_id(text: str) -> str:
    """The full id; InputError if it is none. The file need not exist."""
    head, colon, rest = text.partition(":")
    if colon and head in (PluginFormat.VST3, PluginFormat.CLAP, PluginFormat.LADSPA):
        path = _path_of(head, rest)
        if path:
            text = f"{head}:{os.path.abspath(os.path.expanduser(path))}{rest[len(path) :]}"
    return str(PluginId.parse(text))


def typed_question(text: str) -> str:
    """As `typed_plugin_id`, for asking what there is: an LV2 plugin may be named by a part of its
    URI or not at all, a LADSPA file without a label. A worker's refusal lists what was meant."""
    head, colon, rest = text.partition(":")
    if colon and head == PluginFormat.LV2 and (":" not in rest):
        return text
    if colon and head == PluginFormat.LADSPA and rest and "#" not in rest:
        return f"{head}:{os.path.abspath(os.path.expanduser(rest))}"
    return typed_plugin_id(text)


def _path_of(plugin_format: str, location: str) -> str:
    if plugin_format == PluginFormat.CLAP:
        return split_clap_location(location).path
    if plugin_format == PluginFormat.LADSPA:
        return location.rpartition("#")[0]
    return location
