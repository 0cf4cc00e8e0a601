# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the machine has the plugins that the demo plays, asked before anything is started.

One line that names the Debian package is worth more than fourteen workers that cannot load.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from host.plugin_id import PluginFormat, PluginId
from host.song import Song
from ipc.errors import MachineError

MDA_PREFIX = "http://drobilla.net/plugins/mda/"
ZAM_PREFIX = "urn:zamaudio:"
_MDA_PACKAGE, _ZAM_PACKAGE = "mda-lv2", "zam-plugins"
_LV2_FOLDERS = ("~/.lv2", "/usr/local/lib/lv2", "/usr/lib/lv2")


def require_plugins(song: Song) -> None:
    """Raises MachineError if a package with plugins of `song` is not installed."""
    missing = dict.fromkeys(_missing_packages(slot.plugin for _, slot in song.slots()))
    if missing:
        packages = " ".join(missing)
        raise MachineError(
            f"the demo plays plugins that are not installed here: `sudo apt install {packages}`"
        )


def _missing_packages(plugins: Iterable[str]) -> Iterator[str]:
    for text in plugins:
        plugin = PluginId.parse(text)
        if plugin.format is PluginFormat.VST3 and not Path(plugin.target).exists():
            yield _ZAM_PACKAGE
        elif plugin.format is PluginFormat.LV2 and not _has_bundle(_bundle_of(plugin.target)):
            yield _MDA_PACKAGE if plugin.target.startswith(MDA_PREFIX) else _ZAM_PACKAGE


def _bundle_of(uri: str) -> str:
    """The folder in which Debian puts the plugin."""
    return "mda.lv2" if uri.startswith(MDA_PREFIX) else f"{uri.removeprefix(ZAM_PREFIX)}.lv2"


def _has_bundle(bundle: str) -> bool:
    chosen = [folder for folder in os.environ.get("LV2_PATH", "").split(os.pathsep) if folder]
    folders = [Path(folder).expanduser() for folder in chosen or _LV2_FOLDERS]
    return any((folder / bundle / "manifest.ttl").exists() for folder in folders)
