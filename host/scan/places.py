# SPDX-License-Identifier: GPL-3.0-or-later
"""Where plugins are installed: each format's folders, of the system and the user, and the
environment variables that all hosts honour."""

import os
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from host.plugin_id import PluginFormat

# Formats that are installed as files, in the order in which they are shown.
FORMATS = (PluginFormat.VST3, PluginFormat.LV2, PluginFormat.CLAP, PluginFormat.LADSPA)

_VARIABLES = {
    PluginFormat.VST3: "VST3_PATH",
    PluginFormat.LV2: "LV2_PATH",
    PluginFormat.CLAP: "CLAP_PATH",
    PluginFormat.LADSPA: "LADSPA_PATH",
}
# Of these the variable is all there is; of the others it comes before the usual folders.
_VARIABLE_REPLACES = (PluginFormat.LV2, PluginFormat.LADSPA)


def standard_folders(
    plugin_format: PluginFormat, environment: Mapping[str, str] = os.environ
) -> list[Path]:
    """Absolute, whether they exist or not; each once, the user's before the system's."""
    set_by_user = environment.get(_VARIABLES[plugin_format], "")
    listed = [Path(text).expanduser() for text in set_by_user.split(":") if text]
    if not (listed and plugin_format in _VARIABLE_REPLACES):
        name = plugin_format.value
        listed.append(Path.home() / f".{name}")
        listed += [Path(root) / name for root in _library_folders()]
    return _each_once(folder for folder in listed if folder.is_absolute())


def _library_folders() -> list[str]:
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    folders = ["/usr/local/lib", "/usr/lib", "/usr/local/lib64", "/usr/lib64"]
    return [*folders, *([f"/usr/lib/{triplet}"] if triplet else [])]


def _each_once(folders: Iterable[Path]) -> list[Path]:
    """Of folders that are the same by links, the first; on many systems lib64 is lib."""
    seen: set[str] = set()
    kept = []
    for folder in folders:
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            kept.append(folder)
    return kept
