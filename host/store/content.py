# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the code of a plugin is still the code that crashed.

A blacklist entry must lift itself when its plugin is updated, and only then. The time of a bundle's
folder does not change when a binary inside it is replaced, and package managers set files' times
back; so the content of the code decides. Because hashing it at every start would cost, a stamp of
all names, sizes and times is compared first: the same stamp means the same content.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_ELF = b"\x7fELF"

# What describes a plugin to a host, besides its binaries: an LV2 bundle whose .ttl changed may now
# load another binary or none.
_DESCRIPTIONS = {".ttl", ".json"}


def stamp_of(path: Path) -> str | None:
    """Names, sizes and times of all files at `path`, as one hash; None where there is nothing.

    The change time is part of it because programs can set the modification time back, but not
    that one.
    """
    digest = hashlib.sha256()
    found = False
    for name, _, info in _files_at(path):
        found = True
        times = f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"
        digest.update(f"{name}\0{times}\n".encode(errors="surrogateescape"))
    return digest.hexdigest() if found else None


def sha256_of(path: Path) -> str | None:
    """The content of a plugin's file, or of all code and descriptions in its bundle.

    None where it cannot be read: nothing is known then, which is no change.
    """
    try:
        if not path.is_dir():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        found = False
        for name, member, _ in _files_at(path):
            with open(member, "rb") as file:
                if Path(name).suffix not in _DESCRIPTIONS and file.read(len(_ELF)) != _ELF:
                    continue
                file.seek(0)
                content = hashlib.file_digest(file, "sha256").hexdigest()
            found = True
            digest.update(f"{name}\0{content}\n".encode(errors="surrogateescape"))
        return digest.hexdigest() if found else None
    except OSError:
        return None


def binaries_at(path: Path) -> list[Path]:
    """A plugin's file, or all code in its bundle."""
    if not path.is_dir():
        return [path] if path.is_file() else []
    found = []
    for _, member, _ in _files_at(path):
        try:
            with open(member, "rb") as file:
                if file.read(len(_ELF)) == _ELF:
                    found.append(Path(member))
        except OSError:
            continue
    return found


def _files_at(path: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Regular files: their names inside the bundle, sorted, their paths, and what the system says
    of them. Links to files are followed.

    Links to folders too (some systems link whole bundles from a store), each folder once. Paths
    are plain strings because every scan comes by here with all plugins' files.
    """
    top = str(path)
    if not os.path.isdir(top):
        try:
            info = os.stat(top)
        except OSError:
            return
        if stat.S_ISREG(info.st_mode):
            yield "", top, info
        return
    inside = os.path.join(top, "")
    seen: set[tuple[int, int]] = set()
    found: list[tuple[str, str, os.stat_result]] = []
    for folder, subfolders, names in os.walk(top, followlinks=True):
        info = os.stat(folder)
        if (info.st_dev, info.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((info.st_dev, info.st_ino))
        for name in names:
            file = os.path.join(folder, name)
            try:
                info = os.stat(file)
            except OSError:
                continue  # a dangling link, or gone since the listing
            if stat.S_ISREG(info.st_mode):
                found.append((file.removeprefix(inside), file, info))
    yield from sorted(found)
