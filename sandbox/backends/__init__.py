# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin formats: one module each, one way to open them all.

`open_plugin` runs on the worker's main thread, right after the fork; `warm` runs in the launcher
and prepares what every later load of that format can share, while the process still has a single
thread. A format's module is imported only when it is asked for, so that a worker carries only
the code of the plugin it plays.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from ipc.errors import NotCarried, WorkerError
from ipc.messages import ListedPlugin
from sandbox._native import TooLarge
from sandbox.backends.plugin import LoadedPlugin, LoadSettings
from sandbox.backends.plugin_id import FORMATS, PluginId, parse_plugin_id

__all__ = [
    "FORMATS",
    "LoadSettings",
    "LoadedPlugin",
    "code_of",
    "contents",
    "name_of",
    "open_plugin",
    "warm",
]


def open_plugin(
    plugin_id: str,
    *,
    sample_rate: float,
    max_frames: int,
    sidechain: bool = False,
    offline: bool = False,
    single: bool = False,
    direct: bool = False,
) -> LoadedPlugin:
    """Loads a plugin for blocks of 1 to `max_frames` frames at `sample_rate` Hz.

    `sidechain` asks for the plugin's side-chain input, where it has one that can be reached;
    `offline` tells the plugin that nobody waits for it; `single`: one instance, even of a mono
    plugin; `direct`: on a rig it meets the rig's very buffers, whoever else would copy them. Raises
    WorkerError, one line, if the plugin cannot be loaded; what the plugin's own code does meanwhile
    (it may crash) is not ours to catch.
    """
    parsed = parse_plugin_id(plugin_id)
    settings = LoadSettings(sample_rate, max_frames, sidechain, offline, single, direct)
    module = import_module(f"sandbox.backends.{parsed.format}")
    load = cast(Callable[[PluginId, LoadSettings], LoadedPlugin], module.load)
    try:
        return load(parsed, settings)
    except TooLarge as error:
        raise NotCarried(f"{plugin_id}: {error}") from None
    except (RuntimeError, ValueError) as error:  # of the native core; plugins raise nothing
        raise WorkerError(f"{plugin_id}: {error}") from None


def contents(plugin_format: str, path: str) -> list[ListedPlugin]:
    """The plugins in a file or bundle that is installed as `plugin_format`. Runs its code, but for
    LV2. Raises WorkerError."""
    module = import_module(f"sandbox.backends.{plugin_format}")
    list_them = cast(Callable[[Path], list[ListedPlugin]] | None, getattr(module, "contents", None))
    if list_them is None:
        raise WorkerError(f"plugins of the format {plugin_format} are not installed as files")
    try:
        return list_them(Path(path))
    except (RuntimeError, ValueError) as error:  # of the native core
        raise WorkerError(f"{path}: {error}") from None


def code_of(plugin_id: str) -> str | None:
    """The shared library that a plugin's code is in; None where it has none of its own. Raises
    WorkerError if there is no such plugin."""
    parsed = parse_plugin_id(plugin_id)
    module = import_module(f"sandbox.backends.{parsed.format}")
    find = cast(Callable[[PluginId], Path | None] | None, getattr(module, "code_of", None))
    found = find(parsed) if find else None
    return None if found is None else str(found)


def name_of(plugin_id: str) -> str:
    """What is known of a plugin's name without running its code; empty: nothing."""
    parsed = parse_plugin_id(plugin_id)
    module = import_module(f"sandbox.backends.{parsed.format}")
    tell = cast(Callable[[PluginId], str] | None, getattr(module, "name_of", None))
    return tell(parsed) if tell else ""


def warm(plugin_format: str) -> None:
    """Prepares a format once per launcher: its imports, and what its plugins share."""
    if plugin_format not in FORMATS:
        raise WorkerError(
            f"'{plugin_format}' is no plugin format; the formats are {', '.join(FORMATS)}"
        )
    module = import_module(f"sandbox.backends.{plugin_format}")
    cast(Callable[[], None], module.warm)()
