# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker may do, as the host orders it and as the worker carries it out.

A profile is a name and means nothing to the kernel. The worker makes paths of it, because only
there is known, before any of the plugin's code runs, which files a plugin's id stands for
(sandbox/profiles.py); it then tells the host what it was confined to, so that the host can tell a
denial from a file that is not there.
"""

import os
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ipc.screen import Screen

Profile = Literal["strict", "default", "open"]
PROFILES: tuple[Profile, ...] = ("strict", "default", "open")

MemoryMb = Annotated[int, Meta(ge=64, le=2**24)]

# Everything that a plugin maps for itself counts, touched or not.
_LEAST_DEFAULT_MEMORY_MB = 2048


class Permissions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`strict`: reads its own files and the system's libraries. `default`: also presets and fonts,
    and its own settings, which it may write. `open`: all that the user may; only limits of
    resources hold. `read` and `write` are absolute paths beside that, with all below them."""

    profile: Profile = "default"
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = False  # sockets, to this machine and others
    # Sockets of other programs by absolute path, which it may connect to without the network: the
    # host does it in its stead.
    reach: tuple[str, ...] = ()
    # It may open windows. Whoever reaches the display can read every key that is pressed.
    display: bool = False
    screen: Screen | None = None  # that display, filled in where there is one
    memory_mb: MemoryMb | None = None  # None: half of the machine's, at least 2 GiB
    temporary: str = ""  # a folder of the worker's own; "": none
    # The host is asked about each write to a file: on a test rig, whose disk may be slow or full.
    disk_watched: bool = False

    @property
    def can_show_windows(self) -> bool:
        """It may, and there is a display. Under `open` that is the environment's."""
        return self.screen is not None


class Confined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a worker is confined to. Sent once, before the plugin is loaded."""

    readable: list[str]  # absolute paths, as named and with links resolved: these and all below
    writable: list[str]
    # Folders that it may have for its settings, but that do not exist yet; and whose each would be:
    # what that plugin was installed as.
    own: dict[str, str]
    foreign: list[str]  # folders that are called like it, but were not made for it
    signals_scoped: bool
    missing: list[str]  # what the kernel could not do, for people
    shows_windows: bool = False  # on the display


def default_memory_mb() -> int:
    """Half of the machine's memory, at least 2 GiB."""
    return max(_LEAST_DEFAULT_MEMORY_MB, machine_memory_mb() // 2)


def machine_memory_mb() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def plain_name(name: str) -> str:
    """A name as it is compared: neither case nor spaces nor punctuation count."""
    return "".join(c for c in name.casefold() if c.isalnum())
