# SPDX-License-Identifier: GPL-3.0-or-later
"""What a profile means for one plugin on this machine: paths, and what may be done there.

The rule behind the lists: a plugin may read what any program needs to run and to draw, and what
was installed for plugins to share; it may write what is its own. What is its own is told by names:
folders for settings that are called like the plugin, its bundle or its vendor.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ipc.permissions import Permissions, plain_name
from sandbox.identity import Identity

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

# Folders for settings that no plugin has by right, whatever it calls itself: what is in them is
# run, unlocks something, or decides what plugins may.
_NEVER_OWN = frozenset(
    plain_name(name)
    for name in (
        *("isobooth", "autostart", "systemd", "environment.d", "applications", "user-dirs.dirs"),
        *("pulse", "pipewire", "wireplumber", "dbus-1", "dconf", "fontconfig", "mime", "menus"),
        *("gtk-2.0", "gtk-3.0", "gtk-4.0", "qt5ct", "qt6ct", "kdeglobals", "plasma", "gnome"),
        *("keyrings", "kwalletd", "gnupg", "ssh", "git", "gh", "docker", "containers", "pip"),
        *("mozilla", "firefox", "thunderbird", "chromium", "google-chrome", "google", "brave"),
        *("bravesoftware", "vivaldi", "opera", "microsoft-edge", "1password", "bitwarden"),
        *("keepassxc", "signal", "discord", "slack", "telegram", "evolution", "nautilus"),
        *("bin", "lib", "share", "fish", "zsh", "bash", "nvim", "vim", "emacs", "code", "npm"),
        *("cargo", "rustup", "python", "fonts", "icons", "themes", "trash", "flatpak", "snap"),
        *("xdg", "config", "data", "cache", "state", "vst3", "lv2", "ladspa", "clap", "plugins"),
    )
)
_SHORTEST_NAME = 3
_SETTINGS = (".conf", ".ini", ".cfg", ".xml", ".json", ".settings")
_MOST_ENTRIES = 500


@dataclass
class Rights:
    """Paths that exist now, with links and resolved; `missing` are own folders that do not."""

    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    devices: tuple[str, ...] = _DEVICES


def rights_of(permissions: Permissions, identity: Identity) -> Rights:
    """What the profile, and the exceptions from it, allow one plugin. Not for `open`."""
    home = Path(os.path.expanduser("~"))
    rights = Rights()
    rights.read += identity.files
    if permissions.profile == "default":
        rights.read += [*_SHARED, *(str(home / name) for name in _SHARED_IN_HOME), *_plugin_paths()]
        rights.write, rights.missing = _own_folders(home, identity.names)
        rights.read += _own_files(home, identity.names)
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
        if folder.startswith("/") and not _holds_home(folder):
            yield folder


def _plugin_paths() -> Iterator[str]:
    for variable in _PLUGIN_PATHS:
        for folder in map(os.path.expanduser, os.environ.get(variable, "").split(":")):
            if folder.startswith("/") and not _holds_home(folder):
                yield folder


def _holds_home(folder: str) -> bool:
    """Whether reading this folder would mean reading the user's files."""
    home, real = os.path.realpath(os.path.expanduser("~")), os.path.realpath(folder)
    return os.path.commonpath((home, real)) == real


def settings_folders(home: Path) -> list[str]:
    """Where programs keep folders of their own."""
    found = []
    for variable, usual in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ):
        folder = os.environ.get(variable, "")
        found.append(folder if folder.startswith("/") else str(home / usual))
    return [*found, _documents(home)]


def _documents(home: Path) -> str:
    try:
        text = (home / ".config/user-dirs.dirs").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        if line.startswith("XDG_DOCUMENTS_DIR="):
            folder = line.partition("=")[2].strip().strip('"').replace("$HOME", str(home))
            if folder.startswith("/") and not _holds_home(folder):
                return folder
    return str(home / "Documents")


def _own_folders(home: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Folders that are called like the plugin, and those that could be."""
    wanted = {plain: name for name in names if (plain := plain_name(name)) and _may_own(plain)}
    if not wanted:
        return [], []
    there, missing = [], []
    for folder in settings_folders(home):
        found = set()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    # A link could lead anywhere.
                    if plain_name(entry.name) in wanted and entry.is_dir(follow_symlinks=False):
                        there.append(entry.path)
                        found.add(plain_name(entry.name))
        except OSError:
            pass
        missing += [f"{folder}/{name}" for plain, name in wanted.items() if plain not in found]
    return there, missing


def _own_files(home: Path, names: Iterable[str]) -> Iterator[str]:
    """Settings that are called like the plugin, in a folder that is called like somebody else: Qt
    keeps ORGANIZATION/APPLICATION.conf. To read, because that folder is not the plugin's."""
    wanted = {plain for name in names if _may_own(plain := plain_name(name))}
    for folder in settings_folders(home) if wanted else ():
        for place in _entries(folder)[:_MOST_ENTRIES]:
            if not place.is_dir(follow_symlinks=False) or plain_name(place.name) in _NEVER_OWN:
                continue
            for file in _entries(place.path)[:_MOST_ENTRIES]:
                stem, suffix = os.path.splitext(file.name)
                if suffix in _SETTINGS and plain_name(stem) in wanted:
                    yield file.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _may_own(plain: str) -> bool:
    return len(plain) >= _SHORTEST_NAME and plain not in _NEVER_OWN
