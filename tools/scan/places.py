# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a scan looks, as a user says it."""

import os
from collections.abc import Sequence
from pathlib import Path

from host.plugin_id import PluginFormat
from host.scan.places import FORMATS, standard_folders
from ipc.errors import InputError


def formats_of(texts: Sequence[str]) -> list[PluginFormat]:
    """Of `--format vst3,lv2`, which may be given several times. Raises InputError."""
    names = [name.strip().lower() for text in texts for name in text.split(",") if name.strip()]
    known = {plugin_format.value: plugin_format for plugin_format in FORMATS}
    for name in names:
        if name not in known:
            raise InputError(
                f"'{name}' is no format that is scanned: the formats are {', '.join(known)}"
            )
    return [known[name] for name in dict.fromkeys(names)] or list(FORMATS)


def places_of(
    paths: Sequence[Path], formats: Sequence[PluginFormat]
) -> list[tuple[PluginFormat, Path]]:
    """The paths, each for all formats; without any, each format's standard folders. Raises
    InputError for a path that is not there."""
    if not paths:
        return [(each, folder) for each in formats for folder in standard_folders(each)]
    absolute = [path.expanduser().absolute() for path in paths]
    for path in absolute:
        if not os.path.lexists(path):
            raise InputError(f"{path}: there is no such file or folder")
    return [(each, path) for path in absolute for each in formats]
