# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a plugin touches that are neither its own nor what every program needs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import ipc
from ipc.names import runtime_folder

# What the loader, the C library and Python open for anybody.
_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
_PLUGINS = frozenset({"vst3", "lv2", "clap", "ladspa"})  # folders in these
_NO_FILES = ("/proc", "/sys", "/dev")
_LOADER = "/etc/ld.so."


def foreign_files(touched: Iterable[tuple[str, bool]], plugin_path: str) -> list[tuple[str, bool]]:
    """Those that are there, and whether it wrote to them. `plugin_path`: its file or bundle; what
    lies beside it in the same bundle is its own."""
    ours = [str(Path(ipc.__file__).resolve().parents[1]), sys.prefix, sys.base_prefix + "/lib"]
    own = [plugin_path, os.path.realpath(plugin_path)] if plugin_path else []
    temporary = f"{os.path.realpath(runtime_folder())}/isobooth-"  # the worker's
    skipped = (*ours, *own, *_NO_FILES)
    return [
        (path, write)
        for path, write in sorted(touched)
        if not _is_below(path, skipped)
        and not _is_library(path)
        and not path.startswith((_LOADER, temporary))
        and os.path.isfile(path)
    ]


def _is_library(path: str) -> bool:
    if path.endswith(".ttl"):  # LV2's data are the host's to read
        return True
    return _is_below(path, _LIBRARIES) and not _PLUGINS & set(path.split("/"))


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
