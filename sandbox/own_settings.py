# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings are a plugin's own.

Nobody says so beforehand, so it is told by names: a folder that is called like the plugin, its
bundle or its vendor. But a plugin chooses its names. What exists is its own only if it was made for
it (ipc/own_folder.py); what does not exist is made when it is wanted, under any name that is not a
well-known program's.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ipc.own_folder import was_made_for
from ipc.permissions import plain_name
from sandbox.identity import Identity

# Names of nobody's, whatever a plugin calls itself: what is kept under them is run, unlocks
# something, decides what plugins may, or will be a well-known program's.
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
        *("obs-studio", "vlc", "steam", "spotify", "zoom", "libreoffice", "gimp", "inkscape"),
        *("blender", "audacity", "rclone", "syncthing", "nextcloud", "gcloud", "aws", "azure"),
        *("kube", "password-store", "electrum", "bitcoin", "monero", "exodus"),
        *("bin", "lib", "share", "fish", "zsh", "bash", "nvim", "vim", "emacs", "code", "npm"),
        *("cargo", "rustup", "python", "fonts", "icons", "themes", "trash", "flatpak", "snap"),
        *("xdg", "config", "data", "cache", "state", "vst3", "lv2", "ladspa", "clap", "plugins"),
        *("settings", "preferences", "account", "accounts", "auth", "credentials", "login"),
        *("password", "passwords", "secret", "secrets", "session", "token", "tokens", "user"),
    )
)
_SHORTEST_NAME = 3
_MOST_ENTRIES = 500


@dataclass
class OwnFolders:
    """`own` were made for the plugin; `missing` could be; `foreign` are somebody else's, or the
    plugin's from elsewhere, which cannot be told."""

    own: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


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
            if folder.startswith("/") and not holds_home(folder):
                return folder
    return str(home / "Documents")


def own_folders(home: Path, identity: Identity) -> OwnFolders:
    """Folders that are called like the plugin, and those that could be."""
    folders = OwnFolders()
    # A name with a slash would be one of a place in somebody else's folder.
    wanted = {
        plain: name
        for name in identity.names
        if _may_own(plain := plain_name(name)) and name.isprintable() and "/" not in name
    }
    for parent in settings_folders(home) if wanted else ():
        found = set()
        for entry in _entries(parent):
            if (plain := plain_name(entry.name)) not in wanted:
                continue
            found.add(plain)
            if not entry.is_dir(follow_symlinks=False):  # a link could lead anywhere
                continue
            mine = was_made_for(entry.path, identity.owner)
            (folders.own if mine else folders.foreign).append(entry.path)
        folders.missing += [
            f"{parent}/{name}" for plain, name in wanted.items() if plain not in found
        ]
    return folders


def own_files(home: Path, names: Iterable[str]) -> Iterator[str]:
    """Settings that are called like the plugin, in a folder that is called like somebody else: Qt
    keeps ORGANIZATION/APPLICATION.conf. To read, because that folder is not the plugin's. Not in a
    folder that is called like the plugin: a program's own are there, under the program's name."""
    wanted = {plain for name in names if _may_own(plain := plain_name(name))}
    for folder in settings_folders(home) if wanted else ():
        for place in _entries(folder)[:_MOST_ENTRIES]:
            plain = plain_name(place.name)
            if not place.is_dir(follow_symlinks=False) or plain in wanted or plain in _NEVER_OWN:
                continue
            for file in _entries(place.path)[:_MOST_ENTRIES]:
                stem, suffix = os.path.splitext(file.name)
                called = suffix == ".conf" and plain_name(stem) in wanted
                if called and file.is_file(follow_symlinks=False):
                    yield file.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _may_own(plain: str) -> bool:
    return len(plain) >= _SHORTEST_NAME and plain not in _NEVER_OWN


def holds_home(folder: str) -> bool:
    """Whether reading this folder would mean reading the user's files."""
    home, real = os.path.realpath(os.path.expanduser("~")), os.path.realpath(folder)
    return os.path.commonpath((home, real)) == real
