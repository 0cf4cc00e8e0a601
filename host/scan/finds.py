# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is installed as a plugin, by its name and place alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host.plugin_id import PluginFormat

# Folders below the one that is searched. Vendors sort their plugins into folders of their own.
_DEEPEST = 8
_BUNDLES = (".vst3", ".lv2", ".vst", ".component", ".clap", ".app")


@dataclass(frozen=True)
class Found:
    """A file or bundle that is called like a plugin. `problem` says why it cannot be looked into;
    of a folder that cannot be read, `path` is that folder."""

    format: PluginFormat
    path: Path
    problem: str = ""


def find_plugins(plugin_format: PluginFormat, place: Path) -> Iterator[Found]:
    """All below `place`, which may be a plugin itself, in the order of their names. A folder that
    is not there holds nothing."""
    if _is_plugin(plugin_format, place):
        yield Found(plugin_format, place, _problem(place))
        return
    if _is_bundle(place):
        return
    seen: set[tuple[int, int]] = set()
    yield from _below(plugin_format, place, _DEEPEST, seen)


def _below(
    plugin_format: PluginFormat, folder: Path, depth: int, seen: set[tuple[int, int]]
) -> Iterator[Found]:
    try:
        info = folder.stat()
        if (info.st_dev, info.st_ino) in seen:  # links in a circle
            return
        seen.add((info.st_dev, info.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield Found(plugin_format, folder, f"the folder cannot be read: {error.strerror}")
        return
    for entry in entries:
        path = Path(entry.path)
        if _is_plugin(plugin_format, path):
            yield Found(plugin_format, path, _problem(path))
        elif depth > 0 and entry.is_dir() and not _is_bundle(path):
            yield from _below(plugin_format, path, depth - 1, seen)


def _is_bundle(folder: Path) -> bool:
    """Of another format: what is in there are parts of a plugin."""
    return folder.suffix.casefold() in _BUNDLES or os.path.lexists(folder / "manifest.ttl")


def _is_plugin(plugin_format: PluginFormat, path: Path) -> bool:
    match plugin_format:
        case PluginFormat.LV2:
            return os.path.lexists(path / "manifest.ttl")
        case PluginFormat.VST3:
            return path.suffix.casefold() == ".vst3"
        case PluginFormat.CLAP:
            return path.suffix.casefold() == ".clap" and not path.is_dir()
        case PluginFormat.LADSPA:
            return path.suffix == ".so" and not path.is_dir()
    return False


def _problem(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return f"a link to {os.readlink(path)}, which is not there"
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        return "it cannot be read: permission denied"
    return ""
