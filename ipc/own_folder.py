# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers for which plugin a folder for settings was made: in a small file inside it.

A plugin chooses what it is called, and so could call itself like any program whose folder is there.
A name therefore gives it nothing that exists: only what was made for it, which the host does when
it first wants it. In the folder itself, so that whoever removes the folder and makes another one of
the same name is not taken for the plugin. A plugin may spoil this file, and loses its folder by it.
"""

import contextlib
import os
import stat

_NAME = ".isobooth-plugin"
_MOST_BYTES = 64 * 1024


def make_own_folder(folder: str, owner: str) -> None:
    """`owner` is the file or bundle that the plugin was installed as. Raises OSError;
    FileExistsError if there is one already, whoever made it."""
    os.mkdir(folder, mode=0o700)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(f"{folder}/{_NAME}", flags, 0o600), "wb") as file:
            file.write(os.fsencode(owner) + b"\n")
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(f"{folder}/{_NAME}")
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        raise


def was_made_for(folder: str, owner: str) -> bool:
    """Whether `folder` was made for the plugin that was installed as `owner`."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with open(os.open(f"{folder}/{_NAME}", flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            lines = file.read(_MOST_BYTES).split(b"\n")
    except OSError:
        return False
    return bool(owner) and os.fsencode(owner) in lines
