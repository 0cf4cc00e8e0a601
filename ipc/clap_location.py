# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a CLAP plugin is: PATH, or PATH#ID for one of several in a file.

Host and worker must cut such a text at the same place, and neither may look at the disk for it.
Both paths and CLAP ids may hold a #.
"""

from typing import NamedTuple

_SUFFIX = ".clap"


class ClapLocation(NamedTuple):
    path: str
    id: str  # empty: the only plugin of the file

    def __str__(self) -> str:
        return f"{self.path}#{self.id}" if self.id else self.path


def split_clap_location(text: str) -> ClapLocation:
    """The path ends with the first .clap that a # follows; without one, before the last # behind
    the last slash."""
    folded = text.casefold() if text.isascii() else text
    at = folded.find(f"{_SUFFIX}#")
    if at >= 0:
        end = at + len(_SUFFIX)
        return ClapLocation(text[:end], text[end + 1 :])
    head, hash_sign, tail = text.rpartition("#")
    if not hash_sign or "/" in tail or folded.endswith(_SUFFIX):
        return ClapLocation(text, "")
    return ClapLocation(head, tail)
