# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the libraries that a file asks for, as the dynamic linker would, without loading any."""

import os
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from host.scan.binary import Binary, BrokenBinary, read_binary

_CACHE_LINE = re.compile(r"\t(\S+) \(([^)]*)\) => (\S.*)")
# Enough for any plugin; a circle of libraries ends long before.
_MOST_LIBRARIES = 2000


class Libraries:
    """Remembers what it has read: plugins share most of their libraries."""

    def __init__(self) -> None:
        self._read: dict[str, Binary | None] = {}

    def missing(self, binary: Binary) -> list[str]:
        """Names of libraries that `binary`, or a library that it loads, asks for and that are not
        there."""
        return self._walk(binary)[1]

    def loaded(self, binary: Binary) -> list[Binary]:
        """The libraries that are loaded with it, each once."""
        return self._walk(binary)[0]

    def _walk(self, binary: Binary) -> tuple[list[Binary], list[str]]:
        loaded: dict[str, Binary] = {}
        missing: dict[str, None] = {}
        waiting = [(binary, binary.search_path)]
        while waiting and len(loaded) < _MOST_LIBRARIES:
            asks, inherited = waiting.pop()
            for name in asks.needed:
                if name in loaded or name in missing:
                    continue
                found = self._find(name, asks, inherited)
                if found is None:
                    missing[name] = None
                else:
                    loaded[name] = found
                    waiting.append((found, (*inherited, *found.search_path)))
        return list(loaded.values()), list(missing)

    def _find(self, name: str, asks: Binary, inherited: Iterable[str]) -> Binary | None:
        if "/" in name:
            return self._at(name, asks)
        folders = [
            *inherited,
            *os.environ.get("LD_LIBRARY_PATH", "").split(":"),
            *asks.search_path,
        ]
        for folder in folders:
            if folder and (found := self._at(os.path.join(folder, name), asks)) is not None:
                return found
        for known in _linker_cache().get(name, ()):
            if (found := self._at(known, asks)) is not None:
                return found
        for folder in ("/lib", "/usr/lib", "/lib64", "/usr/lib64"):
            if (found := self._at(os.path.join(folder, name), asks)) is not None:
                return found
        return None

    def _at(self, path: str, asks: Binary) -> Binary | None:
        """The library there, if it fits."""
        if path not in self._read:
            try:
                self._read[path] = read_binary(Path(path))
            except (BrokenBinary, OSError):
                self._read[path] = None
        found = self._read[path]
        return found if found is not None and found.machine == asks.machine else None


@cache
def _linker_cache() -> dict[str, list[str]]:
    """Paths by name, as /etc/ld.so.cache has them."""
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"):
        try:
            told = subprocess.run(
                [program, "-p"], capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        known: dict[str, list[str]] = {}
        for line in told.stdout.splitlines():
            if match := _CACHE_LINE.fullmatch(line):
                known.setdefault(match[1], []).append(match[3])
        return known
    return {}
