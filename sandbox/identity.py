# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and names a plugin id stands for, found out without running any of its code.

A plugin is confined before it is loaded, so what is its own must be known from its id and the text
files beside it: the plugin itself would say what suits it.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ipc.clap_location import split_clap_location
from ipc.errors import IsoboothError
from ipc.vst3_location import split_vst3_location
from sandbox.backends.plugin_id import parse_plugin_id

# Bundles describe themselves in a few kB; what is larger is something else.
_MOST_BYTES = 256 * 1024
# The file is JSON5, with comments and trailing commas: these keys are all that is wanted of it.
_JSON_NAME = re.compile(r'"(?:Name|Vendor)"\s*:\s*"([^"\\]{1,100})"')


@dataclass(frozen=True)
class Identity:
    """`files`: absolute paths that the plugin was installed as. `names`: what it, its bundle and
    its vendor are called."""

    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Who this plugin is to its folders: what it was installed as, which no plugin chooses."""
        return self.files[0] if self.files and "\n" not in self.files[0] else ""


def identify(plugin_id: str) -> Identity:
    """Never fails: what cannot be found out is left out, and loading will say why."""
    with contextlib.suppress(IsoboothError, OSError):
        plugin = parse_plugin_id(plugin_id)
        match plugin.format:
            case "lv2":
                return _lv2(plugin.location)
            case "vst3":
                return _file(split_vst3_location(plugin.location).path)
            case "ladspa":
                path, _, label = plugin.location.rpartition("#")
                return _file(path or label, label if path else "")
            case "clap":
                return _file(split_clap_location(plugin.location).path)
            case "builtin" | "fault" | "pedalboard":
                return Identity()
    return Identity()


def _file(location: str, label: str = "") -> Identity:
    path = Path(location).expanduser()
    names = [path.stem, label, *_module_info(path)]
    return Identity(
        files=tuple(dict.fromkeys((os.path.abspath(path), os.path.realpath(path)))),
        names=tuple(dict.fromkeys(filter(None, names))),
    )


def _module_info(bundle: Path) -> list[str]:
    """Names from a VST3 bundle's own description, if it has one."""
    for place in ("Contents/Resources/moduleinfo.json", "Contents/moduleinfo.json"):
        with contextlib.suppress(OSError), open(bundle / place, "rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
            return list(dict.fromkeys(_JSON_NAME.findall(text)))
    return []


def _lv2(uri: str) -> Identity:
    from sandbox.backends.lilv import world

    data = world().find(uri)
    if data is None:
        return Identity()
    bundle = Path(data.bundle)
    return Identity(
        files=tuple(dict.fromkeys((str(bundle), os.path.realpath(bundle)))),
        names=tuple(dict.fromkeys(filter(None, (data.name, data.author, bundle.stem)))),
    )
