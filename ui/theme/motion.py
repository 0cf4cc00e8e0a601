# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the user's desktop asks for less motion. Qt does not say, so the desktops' own settings
are read: GTK's (GNOME, Xfce, MATE) and KDE's. What the user chooses in the window overrides it."""

import configparser
from pathlib import Path

_OFF = ("0", "false", "no")


def desktop_reduces_motion(config: Path) -> bool:
    """`config`: the folder of the user's settings, mostly ~/.config."""
    for name in ("gtk-4.0/settings.ini", "gtk-3.0/settings.ini"):
        if _value(config / name, "Settings", "gtk-enable-animations").lower() in _OFF:
            return True
    return _value(config / "kdeglobals", "KDE", "AnimationDurationFactor") in ("0", "0.0")


def _value(path: Path, section: str, key: str) -> str:
    """ "" if the file has none, or cannot be read."""
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read(path, encoding="utf-8")
        return settings.get(section, key, fallback="").strip()
    except (configparser.Error, OSError, UnicodeDecodeError):
        return ""
