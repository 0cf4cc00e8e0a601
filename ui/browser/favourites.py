# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's favourite plugins, kept in the window's settings."""

from collections.abc import Iterator

from PyQt6.QtCore import QSettings

_KEY = "browser/favourites"


class Favourites:
    """A set of plugins' ids."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings
        kept = settings.value(_KEY, [])
        # A list of one comes back as a word.
        ids = [kept] if isinstance(kept, str) else kept if isinstance(kept, list) else []
        self._ids = {one for one in ids if isinstance(one, str) and one}

    def __contains__(self, plugin: object) -> bool:
        return plugin in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def toggle(self, plugin: str) -> None:
        self._ids ^= {plugin}
        self._settings.setValue(_KEY, sorted(self._ids))
