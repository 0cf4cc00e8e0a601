# SPDX-License-Identifier: GPL-3.0-or-later
"""Where windows of plugins can be shown: the display of X11 that this host was started on.

Plugins know X11 and nothing newer, so a Wayland desktop needs its XWayland. A display on another
machine would take the network, which is another permission.
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from ipc.errors import MachineError

_LOCAL = re.compile(r"(?:unix)?:(\d{1,5})(?:\.\d{1,5})?")
_Path = Annotated[str, Meta(max_length=4096)]


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name` is what DISPLAY shall be; `socket` where it is reached; `authority` the file with the
    password for it, empty: it asks for none."""

    name: Annotated[str, Meta(max_length=64)]
    socket: _Path
    authority: _Path = ""


def socket_of(name: str) -> str:
    """Where a display of this machine is reached, by its name (:NUMBER, or :NUMBER.SCREEN)."""
    return f"/tmp/.X11-unix/X{name.partition(':')[2].partition('.')[0]}"


def screen_here(environment: Mapping[str, str] = os.environ) -> Screen:
    """Raises MachineError, saying why, where there is none."""
    name = environment.get("DISPLAY", "")
    if not name:
        why = (
            "this Wayland desktop has no XWayland (DISPLAY is not set), and plugins know X11 only"
            if environment.get("WAYLAND_DISPLAY")
            else "there is no display (DISPLAY is not set)"
        )
        raise MachineError(f"no plugin's own window can be shown: {why}")
    if not _LOCAL.fullmatch(name):
        raise MachineError(
            f"no plugin's own window can be shown on the display {name}: it is not of this machine"
        )
    socket = socket_of(name)
    if not os.path.exists(socket):
        raise MachineError(
            f"no plugin's own window can be shown on the display {name}: nobody listens at {socket}"
        )
    authority = environment.get("XAUTHORITY") or os.path.expanduser("~/.Xauthority")
    return Screen(name, socket, authority if os.path.isfile(authority) else "")
