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
    for name, file in _files_at(path):
        try:
            info = file.stat()
        except OSError:
            continue
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
        for name, member in _files_at(path):
            with member.open("rb") as file:
                if member.suffix not in _DESCRIPTIONS and file.read(len(_ELF)) != _ELF:
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
    for _, member in _files_at(path):
        try:
            with member.open("rb") as file:
                if file.read(len(_ELF)) == _ELF:
                    found.append(member)
        except OSError:
            continue
    return found


def _files_at(path: Path) -> Iterator[tuple[str, Path]]:
    """Regular files with their names inside the bundle, sorted; links to files are followed.

    Links to folders too (some systems link whole bundles from a store), each folder once.
    """
    if not path.is_dir():
        if path.is_file():
            yield "", path
        return
    seen: set[tuple[int, int]] = set()
    found: list[tuple[str, Path]] = []
    for folder, subfolders, names in os.walk(path, followlinks=True):
        info = os.stat(folder)
        if (info.st_dev, info.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((info.st_dev, info.st_ino))
        for name in names:
            file = Path(folder, name)
            try:
                if stat.S_ISREG(file.stat().st_mode):
                    found.append((str(file.relative_to(path)), file))
            except OSError:
                continue  # a dangling link, or gone since the listing
    yield from sorted(found)
