# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plugin is still the one that was probed.

What decides is content: of every binary and description in the file or bundle, and the build ids of
the libraries that are loaded with it. To read all that at every scan would take minutes, so stamps
are compared first: names, sizes, times of all those files, inner ones too. The same stamp means the
same content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from host.store.content import sha256_of, stamp_of

if TYPE_CHECKING:
    from host.scan.binary import Binary
    from host.scan.libraries import Libraries


class Stamps:
    """Looks at each library once, however many plugins load it."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def of(self, path: Path, libraries: Iterable[str]) -> str | None:
        """None where there is no file."""
        own = stamp_of(path)
        if own is None:
            return None
        digest = hashlib.sha256(own.encode())
        for library in libraries:
            digest.update(f"{library}\0{self._of_file(library)}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def _of_file(self, path: str) -> str:
        if path not in self._seen:
            try:
                info = os.stat(path)
                self._seen[path] = f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"
            except OSError:
                self._seen[path] = "gone"
        return self._seen[path]


def libraries_of(binaries: Sequence[Binary], libraries: Libraries) -> list[Binary]:
    """All that are loaded with the binaries, each once, in the order of their paths."""
    found = {str(each.path): each for binary in binaries for each in libraries.loaded(binary)}
    return [found[path] for path in sorted(found)]


def fingerprint_of(path: Path, loaded: Sequence[Binary]) -> str | None:
    """None where it cannot be read. A library without a build id counts by its content."""
    content = sha256_of(path)
    if content is None:
        return None
    digest = hashlib.sha256(content.encode())
    for library in loaded:
        identity = library.build_id or sha256_of(library.path) or "gone"
        line = f"{library.path.name}\0{identity}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
