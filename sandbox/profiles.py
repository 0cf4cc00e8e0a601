# SPDX-License-Identifier: GPL-3.0-or-later
"""What a profile means for one plugin on this machine: paths, and what may be done there.

The rule behind the lists: a plugin may read what any program needs to run and to draw, and what
was installed for plugins to share; it may write what is its own (sandbox/own_settings.py).
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ipc.permissions import Permissions
from sandbox.identity import Identity
from sandbox.own_settings import holds_home, own_files, own_folders

# Programs, libraries and their data, wherever distributions keep them.
_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/opt", "/nix/store", "/gnu/store", "/app"),
    *("/run/current-system", "/run/opengl-driver"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/locale.conf", "/etc/fonts"),
    *(
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/ssl/openssl.cnf",
        "/etc/lv2",
        "/etc/vst3",
    ),
    # What processes and processors are. Of other processes, Landlock shows only what is public.
    *("/proc", "/sys/devices/system", "/sys/kernel/mm/transparent_hugepage"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

# Read under `default`: what plugins and programs that draw share in a home folder.
_SHARED_IN_HOME = (
    *(".fonts", ".local/share/fonts", ".config/fontconfig", ".cache/fontconfig"),
    *(".config/user-dirs.dirs", ".config/gtk-3.0", ".Xdefaults", ".icons", ".themes"),
    *(".vst3", ".lv2", ".ladspa", ".clap", ".local/share/icons", ".local/share/themes"),
)
_SHARED = ("/etc/machine-id", "/var/lib/dbus/machine-id", "/var/cache/fontconfig", "/etc/gtk-3.0")
_PLUGIN_PATHS = ("LV2_PATH", "VST3_PATH", "LADSPA_PATH", "CLAP_PATH")


@dataclass
class Rights:
    """Paths that exist now, with links and resolved; `missing` are own folders that do not, and
    whose they would be; `foreign` are folders that are called like the plugin but were not made for
    it."""

    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    devices: tuple[str, ...] = _DEVICES


def rights_of(permissions: Permissions, identities: Iterable[Identity]) -> Rights:
    """What the profile, and the exceptions from it, allow the plugins of one process: what belongs
    to one is within reach of all. Not for `open`."""
    home = Path(os.path.expanduser("~"))
    rights = Rights()
    for identity in identities:
        rights.read += identity.files
        if permissions.profile == "default":
            folders = own_folders(home, identity)
            rights.write += folders.own
            rights.foreign += folders.foreign
            if identity.owner:
                rights.missing |= dict.fromkeys(folders.missing, identity.owner)
            rights.read += own_files(home, identity.names)
    if permissions.profile == "default":
        rights.read += [*_SHARED, *(str(home / name) for name in _SHARED_IN_HOME), *_plugin_paths()]
    rights.read += permissions.read
    rights.write += permissions.write
    rights.read = [*programs_need(), *with_resolved(_existing(rights.read))]
    rights.write = with_resolved(_existing(rights.write))
    return rights


@cache
def programs_need() -> tuple[str, ...]:
    """What every worker may read. Looked up once, in the launcher: finding modules takes
    milliseconds."""
    return tuple(with_resolved(_existing([*_SYSTEM, *_python(), *_library_path()])))


def with_resolved(paths: Iterable[str]) -> list[str]:
    """The paths, and what they are when all links are followed."""
    named = list(paths)
    return list(dict.fromkeys([*named, *map(os.path.realpath, named)]))


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in dict.fromkeys(paths) if os.path.exists(path)]


def _python() -> Iterator[str]:
    """The interpreter, our own modules, and those of others wherever they are installed: formats
    are imported when they are first needed."""
    yield from (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    root = Path(__file__).resolve().parents[1]
    yield from (str(root / "ipc"), str(root / "sandbox"))
    for name in ("msgspec", "minihost", "pedalboard", "numpy", "posix_ipc"):
        spec = find_spec(name)
        if spec is None:
            continue
        for place in spec.submodule_search_locations or [spec.origin or ""]:
            folder = os.path.dirname(place)
            # Wheels keep their libraries in folders beside their packages.
            shared = os.path.basename(folder) in ("site-packages", "dist-packages")
            yield folder if shared else place


def _library_path() -> Iterator[str]:
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder.startswith("/") and not holds_home(folder):
            yield folder


def _plugin_paths() -> Iterator[str]:
    for variable in _PLUGIN_PATHS:
        for folder in map(os.path.expanduser, os.environ.get(variable, "").split(":")):
            if folder.startswith("/") and not holds_home(folder):
                yield folder
