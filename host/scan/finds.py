# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what is installed as a plugin, by its name and place alone."""

import os
import stat
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
        elif depth > 0 and os.path.isdir(path) and not _is_bundle(path):
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
            return path.suffix.casefold() == ".clap" and not os.path.isdir(path)
        case PluginFormat.LADSPA:
            return path.suffix == ".so" and not os.path.isdir(path)
    return False


# Larger ones are something else, or would keep a scan busy for hours.
_LARGEST_BYTES = 4 * 2**30
_MOST_FILES = 100_000


def _problem(path: Path) -> str:
    if path.is_symlink() and not os.path.exists(path):
        return f"a link to {os.readlink(path)}, which is not there"
    if not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
        return "it cannot be read: permission denied"
    size = files = 0
    for folder, _, names in os.walk(path) if os.path.isdir(path) else [("", (), (str(path),))]:
        for name in names:
            try:
                info = os.stat(os.path.join(folder, name))
            except OSError:
                continue  # a link to nothing
            if name.endswith(".ttl") and not stat.S_ISREG(info.st_mode):
                return f"its {name} is no regular file"
            size += info.st_size
            files += 1
        if size > _LARGEST_BYTES or files > _MOST_FILES:
            return f"it is too large to be a plugin: more than {size / 1e9:.0f} GB, {files} files"
    return ""
