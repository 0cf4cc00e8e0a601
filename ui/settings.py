# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window remembers between two starts. Nothing of a song: that is the host's."""

from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings, QStandardPaths

from ui.theme.motion import desktop_reduces_motion
from ui.theme.theme import THEMES, ThemeName

_WORKSPACES = "workspaces"


class Settings:
    """Kept in `file`; None: in the user's folder for settings."""

    def __init__(self, file: Path | None = None) -> None:
        where = QStandardPaths.StandardLocation.GenericConfigLocation
        self._config = Path(QStandardPaths.writableLocation(where))
        path = file or self._config / "isobooth" / "window.ini"
        self._store = QSettings(str(path), QSettings.Format.IniFormat)

    @property
    def theme(self) -> ThemeName:
        kept = self._store.value("theme", "dark")
        return next((name for name in THEMES if name == kept), "dark")

    @theme.setter
    def theme(self, name: ThemeName) -> None:
        self._store.setValue("theme", name)

    @property
    def reduced_motion(self) -> bool:
        """As the desktop has it, until the user chooses."""
        kept = self._store.value("reduced_motion")
        return desktop_reduces_motion(self._config) if kept is None else kept in (True, "true")

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        self._store.setValue("reduced_motion", reduced)

    @property
    def geometry(self) -> QByteArray | None:
        return self._bytes("geometry")

    @geometry.setter
    def geometry(self, geometry: QByteArray) -> None:
        self._store.setValue("geometry", geometry)

    @property
    def layout(self) -> QByteArray | None:
        """Of the panels, as it was at the end."""
        return self._bytes("layout")

    @layout.setter
    def layout(self, layout: QByteArray) -> None:
        self._store.setValue("layout", layout)

    @property
    def workspaces(self) -> list[str]:
        """Names of layouts that the user has kept."""
        self._store.beginGroup(_WORKSPACES)
        names = sorted(bytes.fromhex(key).decode(errors="replace") for key in self._keys())
        self._store.endGroup()
        return names

    def workspace(self, name: str) -> QByteArray | None:
        return self._bytes(f"{_WORKSPACES}/{_key(name)}")

    def keep_workspace(self, name: str, layout: QByteArray) -> None:
        self._store.setValue(f"{_WORKSPACES}/{_key(name)}", layout)

    def sync(self) -> None:
        self._store.sync()

    def _keys(self) -> list[str]:
        return [key for key in self._store.childKeys() if _is_hex(key)]

    def _bytes(self, key: str) -> QByteArray | None:
        kept = self._store.value(key)
        return kept if isinstance(kept, QByteArray) else None


def _key(name: str) -> str:
    """Names may hold what means something in the file, such as a slash."""
    return name.encode().hex()


def _is_hex(key: str) -> bool:
    try:
        return bool(bytes.fromhex(key))
    except ValueError:
        return False
